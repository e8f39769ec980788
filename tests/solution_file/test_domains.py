"""The solution file of every kind of domain, as other programs read it: meshes, parameters, domains that move."""

import functools
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from pinn.basis.errors import UserError
from pinn.domains import Ball, Box, Disc, Domain, Parameters, Polygon, Product, Time
from pinn.domains.cells import simplex_measures
from pinn.networks import MLP
from pinn.problem import Problem, derived
from pinn.residuals.residuals import Residuals
from pinn.solution import Output, Solution, load
from pinn.solution_file.reading import read
from pinn.terms import Interior
from pinn.trial.making import make_trial

SQUARE = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
HOLE = [(-0.4, -0.4), (0.4, -0.4), (0.4, 0.4), (-0.4, 0.4)]


class Closing(Product):
    """A disc with a hole until the time 1, so that no one mesh will do."""

    def contains(self, x):
        return super().contains(x) & ((np.hypot(x[:, 0], x[:, 1]) >= 0.5) | (x[:, 2] > 1.0))

    @property
    def space(self):
        raise UserError("it moves")


@dataclass(frozen=True)
class Kind:
    """A domain, the resolution of its file, and the dimensions that follow. measure: of its space."""

    domain: Domain
    resolution: dict[str, int]
    dimensions: tuple[str, ...]
    measure: float | None = None


CLOCK, NU = Time(t=(0, 2)), Parameters(nu=(1, 4))
KINDS = {
    "polygon with a hole": Kind(Polygon(SQUARE, [HOLE]), {"cells": 12}, ("node",), 4 - 0.64),
    "disc in time": Kind(Disc() * CLOCK, {"cells": 10, "t": 3}, ("t", "node"), np.pi),
    "cubes": Kind(
        Box(x=(0, 1), y=(0, 1), z=(0, 1)) - Box(x=(0.5, 2), y=(0.5, 2), z=(-1, 2)).named("notch"),
        {"cells": 6},
        ("node",),
        0.75,
    ),
    "ball in time": Kind(Ball() * CLOCK, {"cells": 6, "t": 2}, ("t", "node"), 4 * np.pi / 3),
    "disc with parameters": Kind(Disc() * NU, {"cells": 8, "nu": 3}, ("nu", "node"), np.pi),
    "disc with parameters in time": Kind(
        Disc() * NU * CLOCK, {"cells": 8, "nu": 2, "t": 3}, ("t", "nu", "node"), np.pi
    ),
    "disc with one side in time": Kind((Disc() * CLOCK).named("rim"), {"cells": 6, "t": 2}, ("t", "node"), np.pi),
    "two intervals": Kind(Box(x=(0, 1)) - Box(x=(0.25, 0.5)).named("gap"), {"cells": 20}, ("node",), 0.75),
    "interval with a parameter": Kind(Box(x=(0, 1)) * NU, {"x": 5, "nu": 3}, ("nu", "x")),
    "square with a parameter in time": Kind(
        Box(x=(0, 1), y=(0, 2)) * NU * CLOCK, {"x": 4, "y": 5, "nu": 3, "t": 2}, ("t", "nu", "y", "x")
    ),
    "cube in time": Kind(
        Box(x=(0, 1), y=(0, 2), z=(0, 3)) * CLOCK, {"x": 4, "y": 5, "z": 3, "t": 2}, ("t", "z", "y", "x")
    ),
    "disc that closes in time": Kind(Closing(Disc(), CLOCK), {"x": 9, "y": 9, "t": 3}, ("t", "y", "x")),
}
MESHES = [name for name, kind in KINDS.items() if "cells" in kind.resolution]


class Anywhere(Problem):
    """Two fields from the network in any domain; of u a solution is known."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.fields = ("u", "v")

    def terms(self):
        return {"balance": Interior(self.balance)}

    def balance(self, u, v):
        return u - v

    @derived
    def difference(self, u, v):
        return u - v

    def truth(self, points):
        return {"u": truth(dict(zip(self.coordinates, points.T, strict=True)))}

    @property
    def truth_kind(self):
        return "exact"


def truth(coordinates: dict[str, Any]) -> Any:
    """1 + a sum of squares of the coordinates, each with a weight of its own."""
    return 1 + sum((k + 1) * np.square(values) for k, values in enumerate(coordinates.values()))


@functools.lru_cache
def solved(name: str) -> Solution:
    kind = KINDS[name]
    torch.manual_seed(0)
    trial = make_trial(Anywhere(kind.domain), functools.partial(MLP, width=6, depth=2))
    names = ("u_x", "difference") if "x" in kind.domain.coordinates else ("difference",)
    return Solution(trial, Residuals(trial), output=Output(resolution=kind.resolution, derivatives=names))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def saved(name, folder):
    path = folder / f"{name.replace(' ', '_')}.h5"
    return path if path.exists() else solved(name).save(path)


def at_nodes(data, solution):
    """The coordinates in the file, broadcast against each other."""
    coordinates = solution.problem.coordinates
    columns = [
        data[name].values.reshape([-1 if d == data[name].dims[0] else 1 for d in data.u.dims]) for name in coordinates
    ]
    return dict(zip(coordinates, columns, strict=True))


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
@pytest.mark.parametrize("name", KINDS)
def test_xarray_opens_every_kind(name, engine, folder):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4" if engine == "netcdf4" else "h5netcdf")
    solution, path = solved(name), saved(name, folder)
    with xarray.open_datatree(path, engine=engine) as tree:
        tree.load()
        assert tree.u.dims == KINDS[name].dimensions
        assert set(solution.problem.coordinates) <= set(tree.coords)
        places = at_nodes(tree, solution)
        inside = np.isfinite(tree.u.values)
        expected = solution(**places) if inside.all() else None
        if expected is not None:
            # the same points in another shape of batch
            assert np.abs(tree.u.values - expected["u"]).max() < 1e-13
            assert np.abs(tree["residual/balance"] - (tree.u - tree.v)).max() < 1e-14
        assert np.abs(tree.difference - (tree.u - tree.v)).max() < 1e-14
        true = np.broadcast_to(truth(places), tree.u.shape)
        assert np.array_equal(tree["reference/u"].values[inside], true[inside])
        norm = np.linalg.norm(tree["error/u"].values[inside]) / np.linalg.norm(true[inside])
        assert tree.attrs["relative_l2_u"] == pytest.approx(norm, rel=1e-13)
        assert solution.errors()["u"]["relative_l2"] == tree.attrs["relative_l2_u"]
        assert tree.attrs["max_error_u"] == np.abs(tree["error/u"].values[inside]).max()


@pytest.mark.parametrize("name", MESHES)
def test_a_mesh_fills_its_domain(name, folder):
    kind = KINDS[name]
    with h5py.File(saved(name, folder)) as file:
        space = kind.domain.space_coordinates
        places = np.stack([file[coordinate] for coordinate in space], axis=1)
        cells = file["cells"][()]
        topology = dict(file["mesh"].attrs)
        assert topology["topology_dimension"] == cells.shape[1] - 1 == len(space)
        assert topology["node_coordinates"].split() == list(space)
        assert (file["u"].attrs["mesh"], file["u"].attrs["location"]) == ("mesh", "node")
        assert file.attrs["Conventions"].endswith("UGRID-1.0")
    # chords cut off circles what is of second order in the cell: (1/10)^2 of the area and more
    assert simplex_measures(places[cells]).sum() == pytest.approx(kind.measure, rel=0.1)


@pytest.mark.parametrize("name", KINDS)
def test_vtk_shows_every_kind(name, folder, monkeypatch):
    pytest.importorskip("vtkmodules")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOHDF import vtkHDFReader

    solution, sidecar = solved(name), saved(name, folder).with_suffix(".vtkhdf")
    domain = solution.problem.domain
    monkeypatch.chdir(folder.parent)  # the link must not depend on the working directory
    reader = vtkHDFReader()
    reader.SetFileName(str(sidecar))
    reader.Update()
    count = KINDS[name].resolution.get("t", 1)
    assert reader.GetNumberOfSteps() == count
    for step in range(count):
        reader.SetStep(step)
        reader.Update()
        shown = reader.GetOutput()
        places = np.array([shown.GetPoint(i) for i in range(shown.GetNumberOfPoints())])
        coordinates: dict[str, Any] = dict(zip(domain.space_coordinates, places.T, strict=False))
        if domain.time:
            coordinates["t"] = reader.GetTimeValue()
        if name in MESHES:
            with h5py.File(sidecar.with_suffix(".h5")) as file:
                assert shown.GetNumberOfCells() == len(file["cells"])
                corners = [shown.GetCell(3).GetPointId(i) for i in range(file["cells"].shape[1])]
                assert corners == file["cells"][3].tolist()
        data = {shown.GetPointData().GetArrayName(i) for i in range(shown.GetPointData().GetNumberOfArrays())}
        suffixes = [f"_nu_{nu:g}" for nu in solution.grid().get("nu", [])] or [""]
        assert {f"{kind}{suffix}" for suffix in suffixes for kind in ("u", "v", "error_u", "residual_balance")} <= data
        for suffix in suffixes:
            at = coordinates | ({"nu": float(suffix.removeprefix("_nu_"))} if suffix else {})
            found = vtk_to_numpy(shown.GetPointData().GetArray(f"reference_u{suffix}"))
            true = np.broadcast_to(truth({name: at[name] for name in domain.coordinates}), found.shape)
            # positions of a grid come as origin + i * spacing, the file's from linspace
            assert np.abs((found - true)[np.isfinite(found)]).max() < 1e-13
            values = vtk_to_numpy(shown.GetPointData().GetArray(f"u{suffix}"))
            inside = np.isfinite(values)
            at = {key: np.broadcast_to(value, found.shape)[inside] for key, value in at.items()}
            assert np.abs(values[inside] - solution(**at)["u"]).max() < 1e-12


@pytest.mark.parametrize("name", ["polygon with a hole", "disc in time", "ball in time", "cube in time"])
def test_pyvista_opens_the_sidecar(name, folder):
    pyvista = pytest.importorskip("pyvista")
    reader = pyvista.get_reader(str(saved(name, folder).with_suffix(".vtkhdf")))
    shown = reader.read()
    assert {"u", "v", "reference_u", "error_u", "difference"} <= set(shown.point_data)
    if name in MESHES and len(KINDS[name].domain.space_coordinates) == 2:
        assert shown.compute_cell_sizes()["Area"].sum() == pytest.approx(KINDS[name].measure, rel=0.05)


@pytest.mark.parametrize("name", ["cube in time", "disc in time"])
def test_a_nexus_reader_finds_the_plot(name, folder):
    nexusformat = pytest.importorskip("nexusformat.nexus")
    root = nexusformat.nxload(str(saved(name, folder)))
    plot = root.plottable_data
    assert plot.nxsignal.nxname == "u"
    assert [axis.nxname for axis in plot.nxaxes] == list(KINDS[name].dimensions)
    assert plot.nxsignal.shape == tuple(len(axis) for axis in plot.nxaxes)


def test_a_domain_that_moves_is_a_part_of_a_grid(folder):
    name = "disc that closes in time"
    with h5py.File(saved(name, folder)) as file:
        x, y = np.meshgrid(file["x"], file["y"])
        radius = np.hypot(x, y)
        inside = file["inside"][()].astype(bool)
        # at the rims, points may go either way
        clear = np.minimum(np.abs(radius - 1), np.abs(radius - 0.5)) > 1e-9
        for k, hole in ((0, 0.5), (1, 0.5), (2, 0.0)):
            assert np.array_equal(inside[k][clear], ((radius < 1) & (radius >= hole))[clear])
        for array in ("u", "v", "difference", "reference/u", "error/u", "residual/balance"):
            assert np.array_equal(np.isfinite(file[array]), inside)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_every_kind_is_read_again(name, folder, tmp_path):
    first = saved(name, folder)
    again = load(first, problem=Anywhere(KINDS[name].domain)).save(tmp_path / "again.h5")
    with h5py.File(first) as a, h5py.File(again) as b:
        names: list[str] = []
        a.visit(names.append)
        assert len(names) > 20
        for node in names:
            if isinstance(a[node], h5py.Dataset):
                assert np.array_equal(a[node][()], b[node][()], equal_nan=a[node].dtype.kind == "f"), node
        assert a.attrs["relative_l2_u"] == b.attrs["relative_l2_u"]
    contents = read(first)
    assert list(contents.derivatives)[-1] == "difference"
    assert contents.nodes.parameters == KINDS[name].domain.parameters


def test_bad_requests_are_errors():
    polygon = solved("polygon with a hole")
    with pytest.raises(UserError, match=r"output.resolution names 'x'; the dimensions are cells"):
        polygon.errors(Output(resolution={"x": 5}))
    with pytest.raises(UserError, match=r"u_q.*x, y"):
        polygon.contents(Output(resolution=4, derivatives=("u_q",)))
    with pytest.raises(UserError, match="beside the fields, got u, hessian"):
        polygon.contents(Output(resolution=4, derivatives=("u", "u_x", "hessian")))
    with pytest.raises(UserError, match="must be a list of names"):
        Output(derivatives="u_x")
    with pytest.warns(UserWarning, match="1 of 3 points lie outside the domain"):
        polygon(x=[0.0, 0.7, 1.0], y=[0.0, 0.7, 1 / 3])  # in the hole; inside; on a side


def test_derivatives_have_no_unit_but_one_that_is_stated(folder):
    with h5py.File(saved("polygon with a hole", folder)) as file:
        assert file["u_x"].attrs["long_name"] == "u_x"
        assert "units" not in file["u_x"].attrs
        assert file.attrs["derivative_names"] == "u_x difference"
