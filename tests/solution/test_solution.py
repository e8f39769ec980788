"""Solutions: evaluation, errors, the solution file as other programs read it, and loading."""

import functools
import math
import sys
import warnings
from datetime import UTC, datetime
from typing import ClassVar

import h5py
import numpy as np
import pytest
import torch
import yaml

from pinn.basis.errors import UserError
from pinn.domains import Box, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.residuals.residuals import Residuals
from pinn.solution import Output, Solution, load
from pinn.solution.nodes import make_nodes
from pinn.solution_file.contents import FORMAT_VERSION
from pinn.solution_file.layout import CHUNK_BYTES
from pinn.solution_file.nodes import Nodes
from pinn.terms import Interior
from pinn.trial.making import make_trial

GRID = Output(resolution={"x": 17, "t": 6})
BOUNDS = {"x": (-1.0, 2.0), "y": (0.0, 0.5), "z": (10.0, 13.0)}
HISTORY = {
    "step": np.arange(1, 5),
    "seconds": np.array([0.5, 1.0, 1.5, 2.0]),
    "loss": np.array([1.0, 0.1, 0.01, 0.001]),
    "loss/momentum": np.array([1.0, np.nan, np.nan, 0.001]),
    "held_out": np.array([2.0, np.nan, np.nan, 0.002]),
    "held_out/momentum": np.array([2.0, np.nan, np.nan, 0.002]),
    "error/u": np.array([0.5, np.nan, np.nan, 0.05]),
    "accepted": np.array([True, True, False, True]),
    "stage": np.array(["first", "first", "second", "second"]),
}


class Plain(Problem):
    """Two fields without known solution in one to ten dimensions of space, steady or in time."""

    def __init__(self, space: int = 2, steady: bool = False) -> None:
        names = list(BOUNDS)[:space] if space <= 3 else [f"x{i + 1}" for i in range(space)]
        box = Box(**{name: BOUNDS.get(name, (0.0, 1.0)) for name in names})
        self.domain = box if steady else box * Time(t=(0, 2))
        self.fields = ("u", "v")

    def terms(self):
        return {"second": Interior(self.second), "first": Interior(self.first)}

    def first(self, u, v):
        return u - v

    def second(self, laplacian_u, v):
        return laplacian_u - v


class Wrong(Problem):
    """u is 10 % too large by construction, p is off by a function of time."""

    defined_up_to_constant = ("p",)
    units: ClassVar = {"x": "m", "t": "s", "u": "m/s"}
    long_names: ClassVar = {"u": "velocity"}

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u", "p", "w")

    def terms(self):
        return {"momentum": Interior(self.momentum)}

    def momentum(self, u_t, p_x):
        return u_t + p_x

    def exact(self, x, t):
        return {"u": torch.exp(-t) * torch.sin(x), "p": x * t}

    def ansatz(self, x, t):
        return {"u": 1.1 * torch.exp(-t) * torch.sin(x), "p": x * t + 5.0 + torch.sin(t)}


def make_solution(problem, width=6, output=None, **given):
    trial = make_trial(problem, functools.partial(MLP, width=width, depth=2))
    return Solution(trial, Residuals(trial), output=output, **given)


@pytest.fixture(scope="module")
def solution():
    torch.manual_seed(0)
    return make_solution(
        Burgers(),
        output=GRID,
        history=HISTORY,
        points={"interior": np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), "x.min": np.zeros((0, 2))},
        configuration={"seed": 3, "output": GRID.configuration},
        attributes={"seed": 3, "status": "steps", "wall_seconds": 1.5, "converged": True},
    )


@pytest.fixture(scope="module")
def path(solution, tmp_path_factory):
    return solution.save(tmp_path_factory.mktemp("run"))


# Evaluation


def test_a_call_broadcasts_its_coordinates(solution):
    x, t = np.linspace(-1, 1, 9), np.array([[0.0], [0.5]])
    values = solution(x=x, t=t)
    assert values.shape == (2, 9)
    # at t = 0 the ansatz is the initial condition: one sine in float64, torch's against numpy's
    assert np.abs(values[0] + np.sin(np.pi * x)).max() < 1e-15
    assert values[1, 4] == solution(x=0.0, t=0.5)
    assert isinstance(solution(x=0.0, t=0.5), float)
    assert solution(x=np.zeros((0,)), t=0.5).shape == (0,)


def test_derivatives_by_name(solution):
    x = np.linspace(-1, 1, 5)
    # d/dx of the initial condition; a dozen operations in float64
    assert np.abs(solution.derivative("u_x", x=x, t=0) + np.pi * np.cos(np.pi * x)).max() < 1e-13
    jacobian = solution.derivative("jacobian", x=x, t=[[0.1], [0.2]])
    assert jacobian.shape == (2, 5, 1, 2)
    assert np.array_equal(jacobian[..., 0, 0], solution.derivative("u_x", x=x, t=[[0.1], [0.2]]))
    with pytest.raises(UserError, match=r"u_q.*x, t"):
        solution.derivative("u_q", x=0, t=0)


def test_several_fields_come_by_name():
    values = make_solution(Wrong())(x=[0.2, 0.4], t=1.0)
    assert list(values) == ["u", "p", "w"]
    assert np.abs(values["p"] - (np.array([0.2, 0.4]) + 5 + math.sin(1))).max() < 1e-14


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        ({"x": 0.0}, "coordinates of burgers are x, t; got x"),
        ({"x": 0.0, "t": 0.0, "z": 1.0}, "coordinates of burgers are x, t; got x, t, z"),
        ({}, "got none"),
        ({"x": "left", "t": 0.0}, "must be numbers"),
        ({"x": np.zeros(3), "t": np.zeros(4)}, "broadcast"),
    ],
)
def test_bad_coordinates_are_errors(solution, coordinates, message):
    with pytest.raises(UserError, match=message):
        solution(**coordinates)


def test_extrapolation_warns_once():
    solution = make_solution(Burgers())
    solution(x=1.0 + 1e-15, t=0.1 + 0.2 + 0.7)  # rounding is not extrapolation
    with pytest.warns(UserWarning, match=r"2 of 3 points lie outside the domain \(x in \[-1, 1\], t in \[0, 1\]\)"):
        solution(x=[0.0, 1.5, 2.0], t=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution(x=3.0, t=0.5)


def test_chunks_do_not_change_the_values():
    solution = make_solution(Burgers(), output=Output(resolution=9))
    pieces = Solution(solution.trial, solution.residuals, output=Output(resolution=9, chunk=7))
    whole, pieces = solution.contents(), pieces.contents()
    for group in ("fields", "reference", "residual"):
        for name, values in getattr(whole, group).items():
            # matrix products of other sizes may sum in another order
            assert np.abs(values - getattr(pieces, group)[name]).max() < 1e-13


def test_errors_are_those_of_a_known_deviation():
    errors = make_solution(Wrong()).errors()
    assert list(errors) == ["u", "p"]  # nothing is known of w
    assert errors["u"]["relative_l2"] == pytest.approx(0.1, rel=1e-12)
    assert errors["u"]["max"] == pytest.approx(0.1 * math.sin(1), rel=1e-12)
    # p is defined up to a function of time: only rounding of numbers near 6 is left
    assert errors["p"]["max"] < 1e-14
    assert make_solution(Heat()).errors() == {}


class Heat(Problem):
    """u_t = u_xx with nothing known of its solution."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"energy": Interior(self.energy)}

    def energy(self, u_t, u_xx):
        return u_t - u_xx


# The nodes


@pytest.mark.parametrize(
    ("space", "time", "shape"),
    [
        ("x", None, (1001,)),
        ("", "t", (1001,)),
        ("x", "t", (101, 257)),
        ("xy", None, (129, 129)),
        ("xy", "t", (21, 65, 65)),
        ("xyz", None, (33, 33, 33)),
        ("xyz", "t", (11, 33, 33, 33)),
        ("abcd", None, (4096,)),
        ("abcdefghi", "t", (11, 4096)),
    ],
)
def test_default_resolutions(space, time, shape):
    clock = Time(t=(0, 1))
    box = Box(**dict.fromkeys(space, (0.0, 1.0))) if space else None
    domain = clock if box is None else box * clock if time else box
    assert make_nodes(domain).shape == shape


def test_points_are_numbered_as_the_arrays_are():
    domain = Box(x=(0, 2), y=(5, 6)) * Time(t=(0, 1))
    nodes = make_nodes(domain, {"x": 3, "y": 2, "t": 4})
    assert list(nodes.dimensions) == ["t", "y", "x"]
    points = nodes.points(["x", "y", "t"]).reshape(4, 2, 3, 3)
    assert np.array_equal(points[1, 1, 2], [2.0, 6.0, 1 / 3])


def test_scattered_nodes_fill_the_box_and_repeat():
    names = [f"x{i}" for i in range(1, 6)]
    bounds = {name: (-1.0, 3.0 + i) for i, name in enumerate(names)}
    nodes, again = (make_nodes(Box(**bounds) * Time(t=(0, 1)), {"node": 512}) for _ in range(2))
    assert nodes.shape == (11, 512)
    for name, (lowest, highest) in bounds.items():
        assert np.array_equal(nodes.positions[name], again.positions[name])
        # a Sobol sequence of 2^9 points has one in each of 512 equal intervals
        cells = np.floor((nodes.positions[name] - lowest) / (highest - lowest) * 512)
        assert len(set(cells)) == 512
    points = nodes.points([*names, "t"]).reshape(11, 512, 6)
    assert np.array_equal(points[3, :, 0], nodes.positions["x1"])
    assert np.ptp(points[3, :, 5]) == 0


@pytest.mark.parametrize("resolution", [1, 0, -3, 2.5, True, {"x": 1}])
def test_a_resolution_below_two_is_an_error(resolution):
    with pytest.raises(UserError, match="resolution must be whole numbers >= 2"):
        Output(resolution=resolution)


def test_other_wrong_outputs_are_errors(solution):
    with pytest.raises(UserError, match=r"output.resolution names 'y'; the dimensions are t, x"):
        solution.errors(Output(resolution={"y": 5}))
    for chunk in (0, -1, 1.5):
        with pytest.raises(UserError, match=f"output.chunk must be a number >= 1 or null, got {chunk}"):
            Output(chunk=chunk)


# The file, as other programs read it


@pytest.mark.parametrize("engine", [None, "h5netcdf", "netcdf4"])
def test_xarray_opens_the_file(solution, path, engine):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4" if engine == "netcdf4" else "h5netcdf")
    with xarray.open_dataset(path, engine=engine) as data:
        assert data.u.dims == ("t", "x")
        assert data.u.shape == (6, 17)
        assert np.array_equal(data.x, np.linspace(-1, 1, 17))
        assert np.array_equal(data.t, np.linspace(0, 1, 6))
        # the same points in another shape of batch
        assert np.abs(data.u.values - solution(x=data.x.values, t=data.t.values[:, None])).max() < 1e-14
        assert data.attrs["Conventions"] == "CF-1.11"
        assert data.u.sel(x=0.0, t=0.0) == 0.0


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_opens_every_group(solution, path, engine):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4" if engine == "netcdf4" else "h5netcdf")
    with xarray.open_datatree(path, engine=engine) as tree:
        tree.load()
        assert np.array_equal(tree["error/u"], tree["u"] - tree["reference/u"])
        assert np.array_equal(tree["training/loss_momentum"], HISTORY["loss/momentum"], equal_nan=True)
        assert tree["training/loss"].dims == ("step",)
        assert tree["training/accepted"].values.tolist() == [True, True, False, True]
        assert list(tree["training/stage"].values) == ["first", "first", "second", "second"]
        assert tree["points/interior"].sel(coordinate="t").values.tolist() == [0.2, 0.4, 0.6]
        assert tree["network/core.hidden.1.weight"].shape == (6, 6)
        # 6 x 17 nodes: the relative L2 error of the file is that of its arrays
        relative = np.linalg.norm(tree["error/u"]) / np.linalg.norm(tree["reference/u"])
        assert tree.attrs["relative_l2_u"] == pytest.approx(relative, rel=1e-14)
        assert solution.errors()["u"]["relative_l2"] == tree.attrs["relative_l2_u"]


def test_the_residual_in_the_file_is_the_equation(solution, path):
    with h5py.File(path) as file:
        x, t = np.meshgrid(file["x"], file["t"])
        u, u_t, u_x, u_xx = (solution.derivative(name, x=x, t=t) for name in ("u", "u_t", "u_x", "u_xx"))
        expected = u_t + u * u_x - 0.01 / np.pi * u_xx
        # two batches of the same jets; terms up to 10
        assert np.abs(file["residual/momentum"][()] - expected).max() < 1e-12


def test_units_and_names_follow_cf(tmp_path):
    with h5py.File(make_solution(Wrong(), output=Output(resolution=5)).save(tmp_path / "a.h5")) as file:
        assert dict(file["x"].attrs)["units"] == "m"
        assert file["x"].attrs["axis"] == "X"
        assert (file["u"].attrs["long_name"], file["u"].attrs["units"]) == ("velocity", "m/s")
        assert (file["p"].attrs["long_name"], file["p"].attrs["units"]) == ("p", "1")
        assert file["error/u"].attrs["long_name"] == "error of velocity"
        assert "units" not in file["residual/momentum"].attrs  # the equation's, which nobody stated
        assert "w" not in file["reference"]
        assert file.attrs["defined_up_to_constant"] == "p"


def test_root_attributes_say_where_the_solution_comes_from(path):
    with h5py.File(path) as file:
        attributes = dict(file.attrs)
    age = datetime.now(UTC) - datetime.fromisoformat(attributes["created"])
    assert 0 <= age.total_seconds() < 600
    assert attributes["problem"] == "burgers"
    assert attributes["title"].startswith("Viscous Burgers equation")
    assert attributes["truth"] == "reference"
    assert (attributes["dtype"], attributes["device"]) == ("float64", "cpu")
    assert (attributes["seed"], attributes["status"], attributes["converged"]) == (3, "steps", 1)
    assert attributes["format_version"] == FORMAT_VERSION
    assert attributes["torch_version"] == torch.__version__
    assert {"pinn_version", "git_commit", "max_error_u"} <= set(attributes)


def test_the_configuration_is_yaml_with_all_arguments(path):
    with h5py.File(path) as file:
        configuration = yaml.safe_load(file["config"].asstr()[()])
    assert configuration["seed"] == 3
    assert configuration["problem"] == {
        "_target_": "pinn.problems.Burgers",
        "nu": 0.01 / math.pi,
    }
    network = MLP(2, 1, width=6, depth=2).configuration | {"_partial_": True}
    del network["inputs"], network["outputs"]  # are given by the problem
    assert network["activation"] == "tanh"  # defaults are there, so that a later default does not change an old file
    assert configuration["network"] == network


def test_nothing_in_the_file_is_an_object(path):
    kinds = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, node: kinds.update({name: node.dtype} if hasattr(node, "dtype") else {}))
    assert len(kinds) > 20
    for name, dtype in kinds.items():
        assert dtype.kind in "if" or h5py.check_string_dtype(dtype), f"{name} is {dtype}"


def test_a_chunk_is_a_time_slice(path):
    with h5py.File(path) as file:
        for name in ("u", "reference/u", "error/u", "residual/momentum"):
            assert file[name].chunks == (1, 17)
            assert (file[name].compression, file[name].compression_opts, file[name].shuffle) == ("gzip", 4, True)


@pytest.mark.parametrize("time", [None, "t"])
def test_a_large_slice_is_split(time):
    shape = (3, 600, 700, 800) if time else (600, 700, 800)
    nodes = Nodes({name: np.empty(k) for name, k in zip("tzyx"[-len(shape) :], shape, strict=True)}, time=time)
    chunk = nodes.chunk(CHUNK_BYTES // 8)
    assert CHUNK_BYTES / 4 < 8 * np.prod(chunk) <= CHUNK_BYTES
    assert chunk[-1] == 800


@pytest.mark.parametrize("steady", [True, False])
@pytest.mark.parametrize("space", [1, 2, 3])
def test_vtk_reads_the_sidecar(space, steady, tmp_path, monkeypatch):
    pytest.importorskip("vtkmodules")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOHDF import vtkHDFReader

    counts = {"x": 5, "y": 4, "z": 3, "t": 6}
    problem = Plain(space, steady)
    output = Output(resolution={name: counts[name] for name in problem.coordinates})
    solution = make_solution(problem, output=output)
    sidecar = solution.save(tmp_path / "solution.h5").with_suffix(".vtkhdf")
    assert sidecar.stat().st_size < 2000
    monkeypatch.chdir(tmp_path.parent)  # the link must not depend on the working directory
    reader = vtkHDFReader()
    reader.SetFileName(str(sidecar))
    reader.Update()
    assert reader.GetNumberOfSteps() == (1 if steady else 6)
    for step in range(reader.GetNumberOfSteps()):
        reader.SetStep(step)
        reader.Update()
        image = reader.GetOutput()
        places = np.array([image.GetPoint(i) for i in range(image.GetNumberOfPoints())])  # (n, 3), x fastest
        coordinates = dict(zip("xyz"[:space], places.T, strict=False))
        if not steady:
            coordinates["t"] = reader.GetTimeValue()
            assert reader.GetTimeValue() == pytest.approx(step * 0.4, abs=1e-15)
        for name, expected in solution(**coordinates).items():
            found = vtk_to_numpy(image.GetPointData().GetArray(name))
            # positions come as origin + i * spacing, the file's from linspace
            assert np.abs(found - expected).max() < 1e-13
        assert image.GetPointData().GetArray("residual_first") is not None


def test_paraview_and_nexus_groups_are_links_not_copies(path):
    with h5py.File(path) as file:
        data = file["VTKHDF/PointData"]
        assert data["u"] == file["u"]
        assert data["error_u"] == file["error/u"]
        assert data["reference_u"] == file["reference/u"]
        assert data["residual_momentum"] == file["residual/momentum"]
        assert file["VTKHDF"].attrs["Type"].dtype == np.dtype("S9")  # fixed-length ASCII, as ParaView wants it
        plot = file[file.attrs["default"]]
        assert plot.attrs["NX_class"] == "NXdata"
        assert plot[plot.attrs["signal"]] == file["u"]
        assert [len(plot[axis]) for axis in plot.attrs["axes"]] == [6, 17]


def test_scattered_nodes_in_the_file(tmp_path):
    xarray = pytest.importorskip("xarray")
    solution = make_solution(Plain(5), output=Output(resolution={"node": 64, "t": 3}))
    path = tmp_path / "solution.h5"
    path.with_suffix(".vtkhdf").write_text("of a former solution")
    solution.save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["solution.h5"]  # no image, so no sidecar
    with xarray.open_dataset(path) as data:
        assert data.u.dims == ("t", "node")
        assert {"x1", "x5", "t"} <= set(data.coords)
        at = {name: data[name].values for name in ("x1", "x2", "x3", "x4", "x5")}
        values = solution(**at, t=data.t.values[:, None])
        assert np.abs(data.v.values - values["v"]).max() < 1e-14
    again = load(path, problem=Plain(5))
    assert np.array_equal(again.grid()["x3"], at["x3"])


# Writing


def test_a_failed_write_leaves_the_former_file(solution, tmp_path, monkeypatch):
    path = solution.save(tmp_path / "solution.h5")
    before = path.read_bytes()

    def full(file, contents):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pinn.solution_file.layout.write_plot", full)
    with pytest.raises(UserError, match=r"cannot write .*solution.h5: .*No space left"):
        solution.save(path)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["solution.h5", "solution.vtkhdf"]


def test_a_reader_of_the_former_file_is_not_disturbed(solution, tmp_path):
    path = solution.save(tmp_path / "solution.h5")
    before = path.read_bytes()
    with path.open("rb") as reader:
        former = path.stat().st_ino
        solution.save(path)
        assert path.stat().st_ino != former  # renamed over, not written into
        assert reader.read() == before


def test_an_impossible_folder_is_an_error(solution, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*choose another folder"):
        solution.save(tmp_path / "file" / "solution.h5")
    with pytest.raises(UserError, match="kept for the sidecar"):
        solution.save(tmp_path / "solution.vtkhdf")


def test_values_that_are_not_finite_are_saved(solution, tmp_path):
    broken = make_solution(Burgers(), output=GRID)
    broken.trial.load_parameters({k: torch.full_like(v, torch.nan) for k, v in broken.trial.parameters().items()})
    with h5py.File(broken.save(tmp_path)) as file:
        assert np.isnan(file["u"][1]).all()
        assert np.isnan(file.attrs["relative_l2_u"])


# Loading


def test_a_loaded_solution_is_the_same(solution, path):
    again = load(path.parent)
    x, t = np.random.default_rng(0).random((2, 50))
    assert np.array_equal(again(x=x, t=t), solution(x=x, t=t))
    assert np.array_equal(again.derivative("u_xx", x=x, t=t), solution.derivative("u_xx", x=x, t=t))
    assert again.errors() == solution.errors()
    assert list(again.history) == list(HISTORY)
    for name, values in HISTORY.items():
        assert again.history[name].dtype.kind == values.dtype.kind
        assert np.array_equal(again.history[name], values, equal_nan=values.dtype.kind == "f")
    assert np.array_equal(again.points["interior"], solution.points["interior"])
    assert again.points["x.min"].shape == (0, 2)
    assert again.attributes["seed"] == 3
    assert again.grid().keys() == {"x", "t"}
    assert [len(axis) for axis in again.grid().values()] == [6, 17]


def test_saving_again_changes_nothing(path, tmp_path):
    first, second = path, load(path).save(tmp_path / "again.h5")
    with h5py.File(first) as a, h5py.File(second) as b:
        names: list[str] = []
        a.visit(names.append)
        for name in names:
            if isinstance(a[name], h5py.Dataset):
                assert np.array_equal(a[name][()], b[name][()], equal_nan=a[name].dtype.kind == "f"), name
        assert {k: v for k, v in a.attrs.items() if np.size(v) == 1} == {
            k: v for k, v in b.attrs.items() if np.size(v) == 1
        }


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_dtype_and_constraints_are_restored(dtype, constraints, tmp_path):
    trial = make_trial(Burgers(), functools.partial(MLP, width=4), constraints=constraints, dtype=dtype)
    again = load(Solution(trial, output=Output(resolution=5)).save(tmp_path))
    assert (again.trial.dtype, again.trial.constraints) == (dtype, constraints)
    assert again(x=0.3, t=0.6) == Solution(trial)(x=0.3, t=0.6)


def test_files_that_are_no_solutions(path, tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        load(tmp_path / "absent.h5")
    with pytest.raises(UserError, match=r"no solution.h5 in .*: is it a run's folder\?"):
        load(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("{}")
    with pytest.raises(UserError, match="did not get as far as saving"):
        load(tmp_path)
    text = tmp_path / "text.h5"
    text.write_text("x, t, u")
    with pytest.raises(UserError, match="is not an HDF5 file"):
        load(text)
    short = tmp_path / "short.h5"
    short.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(UserError, match="damaged"):
        load(short)
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["u"] = np.zeros(3)
    with pytest.raises(UserError, match="an HDF5 file but no solution of pinn"):
        load(other)


def changed(path, tmp_path, configuration=None, **attributes):
    """A copy of a solution file with another configuration or other root attributes."""
    copy = tmp_path / "changed.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        file.attrs.update(attributes)
        if configuration is not None:
            file["config"][()] = yaml.safe_dump(configuration)
    return copy


def test_files_that_cannot_be_rebuilt(path, tmp_path):
    newer = changed(path, tmp_path, format_version=FORMAT_VERSION + 1, pinn_version="9.9")
    with pytest.raises(UserError, match=f"format {FORMAT_VERSION + 1}, written by pinn 9.9.*upgrade"):
        load(newer)
    with pytest.raises(UserError, match="holds a solution of heat, not of burgers"):
        load(changed(path, tmp_path, problem="heat"))
    with pytest.raises(UserError, match="dtype must be"):
        load(changed(path, tmp_path, dtype="load"))
    with pytest.raises(UserError, match="pass problem="):
        load(changed(path, tmp_path, configuration={}))
    with pytest.raises(UserError, match="pass network="):
        load(changed(path, tmp_path, configuration={}), problem=Burgers())
    with pytest.raises(UserError, match="parameters do not fit this network"):
        load(path, network=functools.partial(MLP, width=7))
    removed = {"problem": {"_target_": "pinn.problems.Burgers", "viscosity": 1.0}}
    with pytest.raises(UserError, match=r"cannot rebuild pinn.problems.Burgers .*viscosity"):
        load(changed(path, tmp_path, configuration=removed))


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "pinn.basis.files.os.system",
        "pinn.solution.load",
        "pinn.solution.solution.yaml.YAMLObject",
    ],
)
def test_a_file_cannot_run_foreign_code(path, tmp_path, target):
    copy = changed(path, tmp_path, configuration={"problem": {"_target_": target, "_args_": ["exit 1"]}})
    with pytest.raises(UserError, match="not a class of pinn; with trust=True \\(--trust\\) it is imported and run"):
        load(copy)


def test_a_problem_of_ones_own_needs_trust(tmp_path, monkeypatch):
    (tmp_path / "decay_of_mine.py").write_text(
        "from pinn.domains import Time\nfrom pinn.problem import Problem\nfrom pinn.terms import Interior\n"
        "class Decay(Problem):\n"
        "    def __init__(self, rate=2.0):\n"
        "        self.rate, self.domain, self.fields = rate, Time(t=(0, 1)), ('u',)\n"
        "    def terms(self):\n        return {'decay': Interior(self.decay)}\n"
        "    def decay(self, u, u_t):\n        return u_t + self.rate * u\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from decay_of_mine import Decay

    original = make_solution(Decay(rate=3.0))
    path = original.save(tmp_path / "solution.h5")
    monkeypatch.delitem(sys.modules, "decay_of_mine")
    with pytest.raises(UserError, match=r"decay_of_mine.Decay, which is not a class of pinn"):
        load(path)
    assert "decay_of_mine" not in sys.modules  # not even imported
    trusted = load(path, trust=True)
    assert trusted.problem.rate == 3.0
    assert trusted(t=0.5) == original(t=0.5) == load(path, problem=Decay(rate=3.0))(t=0.5)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != str(tmp_path)])
    with h5py.File(path, "r+") as file:
        del file["page"]  # as in older files
    with pytest.raises(UserError, match=r"cannot find decay_of_mine.Decay.*Python's path"):
        load(path, trust=True)
