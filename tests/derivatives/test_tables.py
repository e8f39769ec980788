"""Tables: their values and exact derivatives by both engines, their cells as decisions, files, and what is refused."""

import h5py
import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline
from scipy.io import netcdf_file
from torch.func import jacrev, vmap

from pinn.basis.errors import UserError
from pinn.derivatives.channels import Channels
from pinn.derivatives.decisions import DecisionRecorder
from pinn.derivatives.jets import coordinate_jet
from pinn.derivatives.names import Symbol
from pinn.derivatives.tables import Table

X = np.array([0.0, 0.3, 0.5, 1.2, 2.0, 2.1])
VALUES = np.array([1.0, 3.0, 2.0, 2.5, -1.0, 0.0])
SECOND = Symbol((2,))


def derivatives(table, x):
    """Value, slope and second derivative by jets, and by torch.func."""
    jet = table(coordinate_jet(x.unsqueeze(1), Channels.closure({SECOND}, 1))[:, 0])
    by_jet = [jet.derivative(Symbol((k,))) for k in range(3)]
    return by_jet, [table(x), vmap(jacrev(table))(x), vmap(jacrev(jacrev(table)))(x)]


def test_a_spline_and_its_derivatives_are_those_of_scipy_by_both_engines():
    spline, x = CubicSpline(X, VALUES), torch.linspace(0.0, 2.1, 23, dtype=torch.float64)
    for found in derivatives(Table(X, VALUES, kind="cubic"), x):
        for k, values in enumerate(found):
            known = spline(x.numpy(), k)
            # two ways to evaluate the same polynomial: rounding of its largest derivative
            assert np.abs(values.numpy() - known).max() < 1e-12 * max(1.0, np.abs(known).max())


def test_a_linear_table_has_the_slope_of_its_cell():
    x = torch.tensor([0.1, 0.4, 0.9, 2.1], dtype=torch.float64)
    slopes = np.diff(VALUES) / np.diff(X)
    for value, slope, second in derivatives(Table(X, VALUES), x):
        assert value.numpy() == pytest.approx(np.interp(x.numpy(), X, VALUES), abs=1e-14)  # rounding
        assert slope.numpy() == pytest.approx(slopes[[0, 1, 2, 4]], abs=1e-13)  # rounding of numbers up to 10
        assert not second.any()


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_a_product_of_three_axes_is_itself(kind):
    axes = {"x": X, "y": np.linspace(0, 1, 4), "z": np.linspace(-1, 3, 5)}
    table = Table(axes, X[:, None, None] * axes["y"][None, :, None] * (1 + axes["z"]), kind)
    at = torch.rand(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    jet = coordinate_jet(at, Channels.closure({Symbol((1, 1, 1))}, 3))
    found = table(*(jet[:, i] for i in range(3)))
    x, y, z = at.unbind(1)
    # a polynomial that the cells hold: rounding of numbers of the order of one
    assert (found.value - x * y * (1 + z)).abs().max() < 1e-13
    assert (found.derivative(Symbol((1, 1, 1))) - 1.0).abs().max() < 1e-11
    assert (found.derivative(Symbol((0, 1, 1))) - x).abs().max() < 1e-12


def test_axes_go_by_what_is_constant_and_descending_ones_are_turned():
    table = Table({"x": X[::-1], "t": [1.0, 0.0]}, np.stack([VALUES[::-1], 0 * VALUES], 1))
    assert table(torch.tensor([0.3, 0.5], dtype=torch.float64), 0.5).tolist() == pytest.approx(
        [1.5, 1.0], abs=1e-14
    )  # rounding


def test_beyond_its_ends_a_table_has_its_last_value_and_no_slope():
    for values, slope, _ in derivatives(Table(X, VALUES), torch.tensor([-1.0, 3.0], dtype=torch.float64)):
        assert values.tolist() == pytest.approx([1.0, 0.0], abs=1e-7)  # the slack of 1e-9 of the axis, times a slope
        assert not slope.any()


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_at_no_points_a_table_has_no_values(kind):
    table = Table({"x": X, "y": np.arange(5.0)}, np.ones((len(X), 5)), kind)
    assert table(torch.zeros(0), torch.zeros(0)).shape == (0,)


def test_the_cells_of_a_linear_table_are_decisions_and_those_of_a_spline_are_none():
    x = torch.tensor([0.1, 0.4, 0.45, 2.05], dtype=torch.float64)
    with DecisionRecorder(4) as recorder:
        Table(X, VALUES)(x)
        Table(X, VALUES, kind="cubic")(x)
    assert [decision.tolist() for decision in recorder.decisions] == [[0, 1, 1, 4]]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"x": X, "values": VALUES[1:]}, "shape \\(6,\\) of its axes, got \\(5,\\)"),
        ({"x": [0.0, 1.0, 1.0], "values": [1.0, 2.0, 3.0]}, "has 1 twice"),
        ({"x": [0.0, 1.0], "values": [1.0, np.nan]}, "1 of the 2 values .* not finite"),
        ({"x": [0.0], "values": [1.0]}, "two numbers or more"),
        ({"x": X, "values": VALUES, "kind": "quadratic"}, "linear, cubic, got 'quadratic'"),
        ({"x": X, "values": VALUES, "outside": "zero"}, "error, clamp, got 'zero'"),
        ({"x": "abc", "values": VALUES}, "made of numbers"),
    ],
)
def test_what_is_no_table_is_told(arguments, told):
    with pytest.raises(UserError, match=told):
        Table(**arguments)


def test_a_table_of_the_wrong_number_of_quantities_is_told():
    with pytest.raises(UserError, match="a function of 1 quantity, got 2"):
        Table(X, VALUES)(torch.zeros(2), torch.zeros(2))


def test_tables_are_read_from_text_hdf5_and_netcdf(tmp_path):
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 10.0])
    k = x[:, None] + y
    rows = [f"{b:g};{str(a).replace('.', ',')};{a + b:g}" for b in y for a in x[::-1]]
    (tmp_path / "k.csv").write_text("\n".join(["y [m];x [m];k [W/m/K]", *rows]))
    with h5py.File(tmp_path / "k.h5", "w") as file:
        for name, axis in (("x", x), ("y", y)):
            file[name] = axis
            file[name].make_scale(name)
        packed = file.create_dataset("k", data=np.round(k * 10).astype("i2"))
        packed.attrs["scale_factor"] = 0.1
        for i, name in enumerate("xy"):
            packed.dims[i].attach_scale(file[name])
    with netcdf_file(tmp_path / "k.nc", "w") as file:
        for name, axis in (("x", x), ("y", y)):
            file.createDimension(name, len(axis))
            file.createVariable(name, "f8", (name,))[:] = axis
        file.createVariable("k", "f8", ("x", "y"))[:] = k
    at = {"x": torch.tensor([0.5, 1.5]).double(), "y": torch.tensor([1.0, 9.0]).double()}
    for name, names in (("k.csv", ("y", "x")), ("k.h5", ("x", "y")), ("k.nc", ("x", "y"))):
        table = Table.read(tmp_path / name)
        assert table.names == names
        assert table(*(at[axis] for axis in names)).tolist() == pytest.approx([1.5, 10.5], abs=1e-13)  # rounding


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x,k\n0,1\n0,2\n", "k.csv, line 3: the place of this row is there twice"),
        ("x,y,k\n0,0,1\n1,1,2\n", "2 rows, which are no grid of 2 x 2"),
        ("x,k\n0,1\n1,\n", "1 of 2 numbers of k are missing"),
        ("k\n1\n2\n", "one column, k"),
    ],
)
def test_texts_that_are_no_table_are_told(tmp_path, text, told):
    (tmp_path / "k.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        Table.read(tmp_path / "k.csv")
