"""How smooth a field is, from the data: against the probability of data by brute force, and where there are no data."""

import math

import numpy as np
import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.networks.mlp import MLP
from pinn.networks.random_features import RandomFeatures
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.optimizers.linear import LinearLeastSquares
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import SobolSampler
from pinn.training.evidence import STEP, Quadratic, _best, _evidence, by_evidence
from pinn.training.run import Callback
from pinn.trial.making import make_trial

NOISE, COUNT = 0.02, 120


def quadratic(r, j):
    made = Quadratic.zero(torch.zeros(j.shape[1], dtype=torch.float64))
    made.add(r, j)
    return made


def test_the_evidence_is_the_density_of_the_data(generator):
    """d = J theta + noise of size one, theta normal by other rows: d is normal, too, and its density is known."""

    def rows(n):
        return torch.randn(n, 1, generator=generator, dtype=torch.float64)[:, 0], torch.randn(
            n, 5, generator=generator, dtype=torch.float64
        )

    data, held, smooth = rows(7), rows(4), rows(6)
    found, brute = [], []
    for factor in (0.1, 1.0, 10.0):
        a = held[1].mT @ held[1] + factor * smooth[1].mT @ smooth[1]
        middle = -torch.linalg.solve(a, held[1].mT @ held[0] + factor * smooth[1].mT @ smooth[0])
        covariance = data[1] @ torch.linalg.solve(a, data[1].mT) + torch.eye(7)
        normal = torch.distributions.MultivariateNormal(data[1] @ middle, covariance)
        brute.append(float(normal.log_prob(-data[0])))
        found.append(_evidence(quadratic(*data), quadratic(*held) + quadratic(*smooth).times(factor), 0.0))
    assert np.diff(found) == pytest.approx(np.diff(brute), rel=1e-9)  # in float64, of matrices of condition 1e2


def test_the_weight_is_where_the_evidence_is_greatest(generator):
    """Sizes theta of deviation 0.1, seen with noise of one: the precision is 100, to 2 / sqrt(400) of itself."""
    theta = 0.1 * torch.randn(400, generator=generator, dtype=torch.float64)
    seen = theta + 0.01 * torch.randn(400, generator=generator, dtype=torch.float64)
    eye = torch.eye(400, dtype=torch.float64)
    data, nothing = quadratic(-100 * seen, 100 * eye), Quadratic.zero(seen)
    smooth = quadratic(torch.zeros_like(seen), eye)
    assert 100 / STEP < _best(data, nothing, smooth) < 100 * STEP
    at_best = smooth.times(_best(data, nothing, smooth))
    assert _best(data, nothing, at_best) == 1.0


class Slope(pinn.Problem):
    """u_x = a, both unknown, u seen with noise but in the middle; a at both ends, in some unit."""

    def __init__(self, unit: float = 1.0) -> None:
        self.unit = unit
        self.domain, self.fields = pinn.Box(x=(0, 1)), ("u", "a")
        x = np.linspace(0, 1, COUNT)
        self.x = x[(x < 0.35) | (x > 0.75)]
        self.u = np.sin(3 * self.x) + np.random.default_rng(0).normal(scale=NOISE, size=len(self.x))

    def terms(self):
        return {
            "slope": pinn.Interior(lambda u_x, a: u_x - a / self.unit),
            "seen": pinn.Data(at={"x": self.x}, u=self.u, noise=NOISE),
            "ends": pinn.Dirichlet(a=lambda x: 3 * self.unit * torch.cos(3 * x), on=("x.min", "x.max")),
            "smooth": pinn.Smoothness("a"),
        }


def small(inputs, outputs):
    return MLP(inputs, outputs, width=10, depth=2)


def features(inputs, outputs):
    return RandomFeatures(inputs, outputs, width=40, scale=6.0)


def solved(problem, network=small, optimizer=None, **settings):
    return pinn.solve(
        problem,
        network=network,
        optimizer=optimizer or LeastDamping(),
        sampler=SobolSampler(interior=80, boundary=4),
        training=pinn.Training(steps=120, time_limit=None),
        compile="never",
        output=pinn.Output(figures=False, resolution=41),
        **settings,
    )


class Seen(Callback):
    """The weights of a run."""

    def on_start(self, run):
        self.run = run

    @property
    def weights(self):
        return self.run.residuals.weights


def posterior(problem, weight, n=401):
    """Mean and deviation of a and u on a grid of n, where the equation holds: a Gaussian process's, by matrices."""
    g, data = np.linspace(0, 1, n), len(problem.x)
    h = g[1]
    to_u = np.hstack([np.tril(np.full((n, n), h)) - h / 2 * (np.eye(n) + (np.arange(n) == 0)), np.ones((n, 1))])
    to_u[0, 0] = 0.0  # trapezoids, and u(0)
    seen = np.array([np.interp(problem.x, g, column) for column in to_u.T]).T / NOISE
    bent = np.diff(np.eye(n, n + 1), 2, axis=0) / h**2 / 4 * np.sqrt(data * weight / (n - 2))
    ends = 1e6 * np.eye(n + 1)[[0, n - 1]]
    precision = seen.T @ seen + bent.T @ bent + ends.T @ ends
    covariance = np.linalg.inv(precision)
    mean = covariance @ (seen.T @ problem.u / NOISE + ends.T @ (3e6 * np.cos([0, 3])))
    deviations = [np.sqrt(np.diag(m @ covariance @ m.T)) for m in (to_u, np.eye(n, n + 1))]
    return {"u": (to_u @ mean, deviations[0]), "a": (mean[:n], deviations[1])}


@pytest.mark.estimates
def test_a_field_is_as_smooth_as_data_say_and_open_where_there_are_none():
    problem, x = Slope(), np.linspace(0, 1, 401)[8:-8:16]
    run = Seen()
    solution = solved(problem, weights={"smooth": 30.0}, callbacks=[run])  # far too much
    weight = run.weights["smooth"]
    # a'' = -27 cos(3 x) has the mean square 364, in halves of the interval 23; and to what a few waves tell of that
    assert 0.1 < 23 * len(problem.u) * weight < 10
    found, band = solution(x=x), solution.band(x=x)
    for name, (mean, deviation) in posterior(problem, weight).items():
        middle, one = mean[8:-8:16], deviation[8:-8:16]
        assert np.all(np.abs(found[name] - middle) < 0.5 * one), name  # where steps end: 0.2 measured
        assert band[name] == pytest.approx(2 * one, rel=0.15), name  # 0.05 measured; ends hold to a part of the noise
    assert band["u"][12] > 3 * band["u"][4]  # where there are no data, and where there are
    assert "smooth" not in solution.attributes["verdict"]


@pytest.mark.estimates
def test_a_smooth_field_may_have_any_unit():
    """As one of 1e5 W/m2: where its derivatives count in W/m2 it is held straight, whatever the data tell."""
    problem, x, run = Slope(1e5), np.linspace(0, 1, 401)[8:-8:16], Seen()
    found = solved(problem, callbacks=[run])(x=x)["a"] / problem.unit
    mean, deviation = posterior(problem, run.weights["smooth"] * problem.unit**2)["a"]
    # where steps end: 0.5 measured; 3.8 with a weight that does not know the unit, 1e15 times as large as it should be
    assert np.all(np.abs(found - mean[8:-8:16]) < deviation[8:-8:16])
    assert 0.1 < 23 * len(problem.u) * run.weights["smooth"] * problem.unit**2 < 10  # as above


@pytest.mark.parametrize("weight", [1e-6, 1.0, 1e6])
def test_the_evidence_is_asked_where_equations_hold(weight):
    """A slope that nothing but u_x = a joins to the data: where that weighs next to nothing it would be a line."""
    torch.manual_seed(0)
    trial = make_trial(Slope(), features)
    residuals = Residuals(trial, weights={"slope": weight, "smooth": 1e-2})
    points = residuals.draw(SobolSampler(interior=80, boundary=4), torch.Generator().manual_seed(0))
    layer = bind(residuals, points).last_layer(residuals.theta())
    found = by_evidence(residuals, layer[1], residuals.theta()[layer[0]], {"seen": len(trial.problem.u)})
    assert 0.1 < 23 * COUNT * found["smooth"] < 10  # as above


@pytest.mark.estimates
def test_fits_that_settle_are_weighed_by_their_data():
    """The first fit, at the weights that it began with, is up to a deviation off."""
    problem, x, run = Slope(), np.linspace(0, 1, 401)[8:-8:16], Seen()
    found = solved(problem, features, LinearLeastSquares(), callbacks=[run])(x=x)["a"]
    mean, deviation = posterior(problem, run.weights["smooth"])["a"]
    # at points that are not the matrices', with an equation of some weight: 0.07 measured
    assert np.all(np.abs(found - mean[8:-8:16]) < 0.5 * deviation[8:-8:16])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pinn.Smoothness(3), "takes the name of a field"),
        (lambda: pinn.Smoothness("a", order=3), "order of a Smoothness must be 1 or 2, got 3"),
        (lambda: pinn.Smoothness("a", along="t").settled(pinn.Box(x=(0, 1))), "along of a Smoothness must name some"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_the_size_of_second_derivatives_does_not_depend_on_directions():
    """x y turned by 45 degrees is (x^2 - y^2) / 2: in a square both have the same sum of squares."""
    term = pinn.Smoothness("a").settled(pinn.Box(x=(-1, 1), y=(-1, 1)))
    saddles = ({"a_xx": 0.0, "a_xy": 1.0, "a_yy": 0.0}, {"a_xx": 1.0, "a_xy": 0.0, "a_yy": -1.0})
    squares = [
        sum(one.function(saddle[one.arguments[0]]) ** 2 for one in term.equations().values()) for saddle in saddles
    ]
    assert math.isclose(*squares, rel_tol=1e-14)
