"""Exports: each holds the numbers of the solution file, as other programs read them."""

import functools

import numpy as np
import pytest
import torch

from pinn.basis.errors import UserError
from pinn.domains import Box, Disc, Parameters, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.problems import Burgers, Kovasznay
from pinn.residuals.residuals import Residuals
from pinn.solution import Output, Solution
from pinn.solution.export import export
from pinn.solution_file.reading import read
from pinn.terms import Interior
from pinn.trial.making import make_trial


class Plain(Problem):
    """A field without known solution in any domain."""

    def __init__(self, domain):
        self.domain, self.fields = domain, ("u",)

    def terms(self):
        return {"balance": Interior(self.balance)}

    def balance(self, u):
        return u - 1


DOMAINS = {
    "disc": (Disc(), {"cells": 6}),
    "disc in time": (Disc() * Time(t=(0, 1)), {"cells": 6, "t": 3}),
    "square with a parameter": (Box(x=(0, 1), y=(0, 2)) * Parameters(nu=(1, 4)), {"x": 3, "y": 4, "nu": 2}),
    "cube in time": (Box(x=(0, 1), y=(0, 2), z=(0, 3)) * Time(t=(0, 1)), {"x": 3, "y": 4, "z": 2, "t": 2}),
}


def saved(problem, folder, **output):
    trial = make_trial(problem, functools.partial(MLP, width=5, depth=2))
    return Solution(trial, Residuals(trial), output=Output(**output)).save(folder / "solution.h5")


@pytest.mark.parametrize("name", DOMAINS)
def test_vtu_has_nodes_cells_and_arrays(name, tmp_path):
    pyvista = pytest.importorskip("pyvista")
    domain, resolution = DOMAINS[name]
    path = saved(Plain(domain), tmp_path, resolution=resolution)
    first, *pieces = export(path, "vtu")
    contents = read(path)
    shown = pyvista.read(pieces[-1] if pieces else first)
    assert first.suffix == (".pvd" if pieces else ".vtu")
    if pieces:
        assert len(pieces) == resolution["t"]
        assert pyvista.get_reader(first).time_values == np.linspace(0, 1, resolution["t"]).tolist()
    at = dict(zip("xyz", shown.points.T, strict=True))
    u = contents.fields["u"][-1].ravel() if pieces or contents.nodes.parameters else contents.fields["u"]
    name = "u_nu_4" if contents.nodes.parameters else "u"
    assert np.array_equal(shown.point_data[name], u)
    values = contents.nodes.points("xyz"[: len(domain.space_coordinates)]).reshape(*contents.nodes.shape, -1)
    values = values[-1].reshape(-1, values.shape[-1]) if values.ndim > 2 else values
    for column, coordinate in enumerate(domain.space_coordinates):
        assert np.array_equal(at[coordinate], values[:, column])
    if "cells" not in resolution:
        size, measure = ("Area", 2.0) if len(domain.space_coordinates) == 2 else ("Volume", 6.0)
        assert shown.compute_cell_sizes()[size].sum() == pytest.approx(measure, rel=1e-12)


def test_csv_and_npz_have_all_arrays(tmp_path):
    path = saved(Burgers(), tmp_path, resolution={"x": 5, "t": 4}, derivatives=("u_x",))
    contents = read(path)
    (table,) = export(path, "csv")
    rows = np.genfromtxt(table, delimiter=",", names=True, deletechars="")
    assert rows.dtype.names == ("x", "t", "u", "u_x", "reference/u", "error/u", "residual/momentum")
    assert np.array_equal(rows["u"], contents.fields["u"].ravel())
    assert np.array_equal(rows["t"], np.repeat(contents.nodes.axes["t"], 5))
    (arrays,) = export(path.parent, "npz", tmp_path / "mine.npz")
    with np.load(arrays) as held:
        assert np.array_equal(held["error/u"], contents.error["u"])
        assert np.array_equal(held["x"], contents.nodes.axes["x"])


@pytest.mark.parametrize("problem", [Burgers(), Kovasznay()])
def test_the_program_gives_the_same_numbers(problem, tmp_path):
    path = saved(problem, tmp_path, resolution=5)
    (program,) = export(path, "pt2")
    contents = read(path)
    x = torch.as_tensor(contents.nodes.points(contents.coordinates))
    found = torch.export.load(program).module()(x).detach().numpy()
    for column, values in enumerate(contents.fields.values()):
        # the same operations on the same points
        assert np.abs(found[:, column] - values.ravel()).max() < 1e-12
    assert [entry.name for entry in tmp_path.iterdir() if "tmp" in entry.name] == []


def test_exports_that_cannot_be(tmp_path):
    path = saved(Plain(Box(**{f"x{k}": (0, 1) for k in range(4)})), tmp_path, resolution={"node": 16})
    with pytest.raises(UserError, match="the formats are vtu, csv, npz, pt2"):
        export(path, "xls")
    with pytest.raises(UserError, match="no cells for vtu; try --to csv"):
        export(path, "vtu")
    with pytest.raises(UserError, match="not a class of pinn"):
        export(path, "pt2")
