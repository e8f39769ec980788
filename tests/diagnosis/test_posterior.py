"""Samples of unknowns: against Laplace's approximation where that is exact, and against a grid where it is not."""

import math

import h5py
import numpy as np
import pytest
import torch
from identified import identified, network

import pinn
from pinn.basis.errors import UserError
from pinn.solution_file.identified import identified_rows

TIMES = np.linspace(0.05, 1, 30)
DRAWS, MORE = 100, 400


class Heated(pinn.Problem):
    """u_t = q - u from u(0) = u0, both unknown: u = q + (u0 - q) exp(-t) is linear in them."""

    def __init__(self):
        self.domain, self.fields = pinn.Time(t=(0, 1)), ("u",)
        self.unknowns = {"q": 1.0, "u0": pinn.Unknown(0.0, prior=pinn.Normal(0.5, 0.05))}
        values = 2.0 - 1.5 * np.exp(-TIMES) + np.random.default_rng(1).normal(scale=0.1, size=len(TIMES))
        self.seen = pinn.Data(at={"t": TIMES}, u=values, noise=0.1)

    def terms(self):
        law = pinn.Interior(lambda u, u_t, q: u_t + u - q)
        return {"law": law, "start": pinn.Boundary(lambda u, u0: u - u0, on="t.min"), "seen": self.seen}


class Faint(pinn.Problem):
    """-D u_xx = pi^2 sin(pi x), u zero at the ends: u = sin(pi x) / D, lost in noise: how large D is nobody knows."""

    noise = 1.2

    def __init__(self):
        bounded = pinn.Unknown(1.0, bounds=(0.05, 4.0))
        self.domain, self.fields, self.unknowns = pinn.Box(x=(0, 1)), ("u",), {"D": bounded}
        self.x = np.linspace(0.02, 0.98, 30)
        self.values = np.sin(np.pi * self.x) + np.random.default_rng(0).normal(scale=self.noise, size=30)

    def terms(self):
        seen = pinn.Data(at={"x": self.x}, u=self.values, noise=self.noise)
        return {
            "equation": pinn.Interior(self.equation),
            "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max")),
            "seen": seen,
        }

    def equation(self, x, u_xx, D):
        return u_xx + math.pi**2 * (math.pi * x).sin() / D

    def on_grid(self):
        """D, and its cumulated posterior, flat between the bounds."""
        D = np.linspace(0.05, 4.0, 4001)[1:]
        misfit = (np.sin(np.pi * self.x) / D[:, None] - self.values) / self.noise
        density = np.exp(-0.5 * (misfit**2).sum(1))
        return D, np.cumsum(density) / density.sum()


def ends(axis, cumulated):
    """Of the middle 95 %."""
    return [axis[np.searchsorted(cumulated, share)] for share in (0.025, 0.975)]


@pytest.fixture(scope="module")
def heated():
    torch.manual_seed(0)
    return identified(Heated(), samples=DRAWS)


@pytest.mark.estimates
def test_of_a_linear_law_they_are_as_laplace_says(heated):
    solution = heated
    worth = solution.attributes["sampled_worth"]
    assert worth > DRAWS / 5
    drawn = np.array([one.samples for one in solution.unknowns.values()])
    for name, one in solution.unknowns.items():
        middle, deviation = one.samples.mean(), one.samples.std()
        # what independent draws know of a mean and a deviation, four times; the equation bends a little in training
        assert middle == pytest.approx(one, abs=(4 / worth**0.5 + 0.1) * one.standard_error), name
        assert deviation == pytest.approx(one.standard_error, rel=4 / (2 * worth) ** 0.5 + 0.05), name
    told = solution.unknowns["q"].correlations["u0"]
    assert np.corrcoef(drawn)[0, 1] == pytest.approx(told, abs=4 * (1 - told**2) / worth**0.5 + 0.05)


@pytest.mark.slow
@pytest.mark.estimates
def test_of_a_law_that_is_not_they_are_as_a_grid_says(tmp_path):
    solution = identified(Faint(), samples=MORE, folder=tmp_path)
    D, worth = solution.unknowns["D"], solution.attributes["sampled_worth"]
    assert worth > 40
    axis, cumulated = solution.problem.on_grid()
    # shares of the grid's posterior below quantiles of the samples: known to sqrt(p (1 - p) / n), four times
    for share in (0.1, 0.5, 0.9):
        found = np.interp(np.quantile(D.samples, share), axis, cumulated)
        assert found == pytest.approx(share, abs=4 * (share * (1 - share) / worth) ** 0.5)
    true, sampled = ends(axis, cumulated), D.interval()
    laplace = [solution.attributes[f"interval_{end}_D"] for end in ("lower", "upper")]
    assert abs(sampled[1] - true[1]) < 0.5 * abs(laplace[1] - true[1])  # the long side, where Laplace is off
    (row,) = identified_rows(solution.attributes | {"unknown_D": float(D)})
    assert row[2].endswith("not linear within its errors, the samples are right")
    with h5py.File(tmp_path / "solution.h5") as file:
        assert len(file["diagnosis/samples_D"]) == MORE
        assert file["unknowns/D"].attrs["sampled_upper"] == pytest.approx(sampled[1])
    loaded = pinn.load(tmp_path, problem=Faint(), network=network)
    assert loaded.unknowns["D"].interval(0.5) == D.interval(0.5)


@pytest.mark.estimates
def test_arviz_has_the_draws_themselves(heated):
    pytest.importorskip("arviz")
    solution = heated
    posterior = solution.to_arviz(draws=4000).posterior
    assert np.array_equal(posterior["q"].values[0], solution.unknowns["q"].samples)


def test_how_many_there_can_be():
    with pytest.raises(UserError, match="samples must be 0 or a number >= 20, got 3"):
        pinn.Output(samples=3)
