"""Samples of unknowns: against a posterior on a grid, inside bounds, and in ArviZ's words."""

import math

import numpy as np
import pytest
from identified import identified

import pinn
from pinn.basis.errors import UserError
from pinn.solution.inference import samples
from pinn.solution.unknowns import Identified
from pinn.terms.curves import Curve

NOISE, TRUTH = 0.02, (0.6, 1.3)
TIMES = np.linspace(0.05, 2, 40)


def curve(k, c):
    """u_t = -k (u - c), u(0) = 0, of arrays that broadcast against times."""
    return c * (1 - np.exp(-k * TIMES))


class Filling(pinn.Problem):
    """u_t = -k (u - c), u(0) = 0: early on the data tell the product of k and c alone."""

    def __init__(self):
        self.domain, self.fields = pinn.Time(t=(0, 2)), ("u",)
        self.unknowns = {"k": pinn.Unknown(1.0, scale="log"), "c": 1.0}
        self.values = curve(*TRUTH) + np.random.default_rng(3).normal(scale=NOISE, size=len(TIMES))

    def terms(self):
        return {
            "law": pinn.Interior(lambda u, u_t, k, c: u_t + k * (u - c)),
            "start": pinn.Initial(u=0.0),
            "seen": pinn.Data(at={"t": TIMES}, u=self.values, noise=NOISE),
        }


@pytest.fixture(scope="module")
def solution():
    return identified(Filling())


@pytest.mark.estimates
def test_samples_are_of_the_posterior(solution):
    """Against the likelihood of the exact curve on a grid, flat in log k and c as the approximation is."""
    log_k, c = np.linspace(math.log(0.3), math.log(1.2), 201), np.linspace(0.8, 2.4, 401)
    misfit = (curve(np.exp(log_k)[:, None, None], c[:, None]) - solution.problem.values) / NOISE  # (201, 401, n)
    density = np.exp(-0.5 * (misfit**2).sum(2))
    density /= density.sum()
    drawn = samples(solution.unknowns, 4000, seed=1)
    by_grid = {"k": (np.log(drawn["k"]), log_k, density.sum(1)), "c": (drawn["c"], c, density.sum(0))}
    for name, (found, axis, share) in by_grid.items():
        mean = share @ axis
        deviation = math.sqrt(share @ (axis - mean) ** 2)
        # the likelihood is skew, c long to the right: a fifth of a deviation; and 4,000 draws know it to a hundredth
        assert abs(found.mean() - mean) < 0.35 * deviation, name
        assert found.std() == pytest.approx(deviation, rel=0.2), name
    exact = (density * (log_k[:, None] - by_grid["k"][2] @ log_k) * (c - by_grid["c"][2] @ c)).sum()
    assert exact < 0 and np.corrcoef(np.log(drawn["k"]), drawn["c"])[0, 1] < -0.9


@pytest.mark.estimates
def test_arviz_tells_the_same(solution):
    arviz = pytest.importorskip("arviz")
    data = solution.to_arviz(draws=2000)
    summary = arviz.summary(data, hdi_prob=0.95, round_to=None)
    for name, known in solution.unknowns.items():
        assert summary.loc[name, "mean"] == pytest.approx(known, abs=0.2 * known.standard_error)
        lower, upper = known.interval(0.95)  # of equal tails, which are not the densest 95 %
        assert summary.loc[name, "hdi_2.5%"] == pytest.approx(lower, abs=0.4 * known.standard_error)
        assert summary.loc[name, "hdi_97.5%"] == pytest.approx(upper, abs=0.4 * known.standard_error)
    assert data.posterior.sizes == {"chain": 1, "draw": 2000}


def test_samples_stay_inside_bounds_and_turn_with_their_curves():
    """An unknown that is known to its size only, positive; and one whose error is half of its interval."""
    told = {"value": 1.0, "standard_error": 1.0, "correlation_b": 0.99}
    a = Identified("a", told, Curve(1.0, 0.0, None, log=True))
    b = Identified("b", {"value": 0.5, "standard_error": 0.25, "correlation_a": 0.99}, Curve(0.5, 0.0, 1.0, log=False))
    drawn = samples({"a": a, "b": b}, 2000, seed=0)
    assert drawn["a"].min() > 0 and drawn["b"].min() > 0 and drawn["b"].max() < 1
    ranks = [np.argsort(np.argsort(values)) for values in drawn.values()]
    assert np.corrcoef(*ranks)[0, 1] > 0.95  # of a normal pair with 0.99: 0.988


def test_what_is_not_known_is_told():
    with pytest.raises(UserError, match="the problem has no unknowns"):
        samples({}, 10, 0)
    with pytest.raises(UserError, match="the standard error of a is not known"):
        samples({"a": Identified("a", {"value": 1.0}, Curve(1.0, None, None, log=False))}, 10, 0)
