"""The solution file as other programs read it, and its writing."""

import math
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
import torch
import yaml
from solution.made import GRID, HISTORY, Plain, Wrong, make_solution

from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.problems import Burgers
from pinn.solution import Output, load
from pinn.solution_file.contents import FORMAT_VERSION
from pinn.solution_file.layout import CHUNK_BYTES
from pinn.solution_file.nodes import Nodes


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
