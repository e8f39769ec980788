"""One argument for all numbered coordinates."""

import inspect

import numpy as np
import pytest
import torch
from agreement import assert_agree

import pinn
from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior
from pinn.trial.making import make_trial


class Potential(Problem):
    """u of d coordinates and a parameter, told with stacks."""

    def __init__(self, dimension: int) -> None:
        self.domain = pinn.Box(**{f"x{i}": (0, 1) for i in range(1, dimension + 1)}) * pinn.Parameters(k=(1, 2))
        self.fields = ("u",)

    def terms(self):
        return {"equation": Interior(self.equation), "walls": Dirichlet(u=self.exact, on="x1.min")}

    @pinn.stacked("x", "u_x")
    def equation(self, u, x, k, u_x):
        """Of which the gradient is a part."""
        return u * k + (x * u_x).sum(-1)

    @pinn.stacked("x")
    def exact(self, x, k):
        return k * (x**2).sum(-1)

    @pinn.derived
    @pinn.stacked("u_x")
    def slope_squared(self, u_x):
        return (u_x**2).sum(-1)


@pytest.mark.parametrize("dimension", [1, 3, 11])
def test_arguments_are_told_one_by_one(dimension):
    names = [f"x{i}" for i in range(1, dimension + 1)]
    equation = Potential(dimension).equation
    assert list(inspect.signature(equation).parameters) == ["u", *names, "k", *(f"u_{name}" for name in names)]
    assert equation.__doc__ == "Of which the gradient is a part."


def test_the_same_as_written_out(generator):
    """To rounding: the sums are taken in another order."""
    trial = make_trial(Potential(3), lambda inputs, outputs: MLP(inputs, outputs, width=8, depth=1))
    x = torch.rand(20, 4, generator=generator, dtype=torch.float64)
    asked = ["u", "k", "x1", "x2", "x3", "u_x1", "u_x2", "u_x3", "slope_squared", "slope_squared_x2", "u_x1x2"]
    values = trial.evaluate([*asked, "u_x2x2", "u_x2x3"], x)
    equation = trial.problem.equation
    found = equation(*(values[name] for name in inspect.signature(equation).parameters))
    written = values["u"] * values["k"] + sum(values[f"x{i}"] * values[f"u_x{i}"] for i in (1, 2, 3))
    assert_agree(found, written)
    assert_agree(values["slope_squared"], sum(values[f"u_x{i}"] ** 2 for i in (1, 2, 3)))
    seconds = values["u_x1x2"], values["u_x2x2"], values["u_x2x3"]
    assert_agree(values["slope_squared_x2"], sum(2 * values[f"u_x{i}"] * s for i, s in enumerate(seconds, 1)))


def test_the_truth_is_one_of_columns():
    points = np.random.default_rng(0).random((7, 4))
    truth = Potential(3).truth(points)["u"]
    assert np.abs(truth - points[:, 3] * (points[:, :3] ** 2).sum(1)).max() < 1e-15  # rounding


def test_what_cannot_be_stacked_is_told():
    class Wrong(Potential):
        @pinn.stacked("y")
        def equation(self, u, y):
            return u

        @pinn.stacked("x")
        def exact(self, k):
            return k

    problem = Wrong(2)
    with pytest.raises(UserError, match=r"'y' in .*equation stands for y1, y2, ...; the coordinates are x1, x2, k"):
        _ = problem.equation
    with pytest.raises(UserError, match="exact has no argument x"):
        _ = problem.exact
