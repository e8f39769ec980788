"""Error bars of unknowns: against closed forms, on combinations that data do not determine, and by repeated noise."""

import math

import h5py
import numpy as np
import pytest

import pinn
from pinn.basis.errors import UserError
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.sampling.sequences import SobolSampler
from pinn.solution_file.identified import with_error
from pinn.solution_file.sampled import interval
from pinn.training.settings import Training

pytestmark = pytest.mark.usefixtures("short_estimates")

RATE, NOISE, COUNT = 1.3, 0.02, 40
TIMES = np.linspace(0.05, 2, COUNT)
CLOSED = NOISE / np.sqrt(np.sum((TIMES * np.exp(-RATE * TIMES)) ** 2))  # of least squares with the exact curve


class Decay(pinn.Problem):
    """u_t = -k u from u(0) = 1, u seen with noise."""

    def __init__(self, k=0.5, seed=0, told=NOISE):
        self.domain, self.fields, self.unknowns = pinn.Time(t=(0, 2)), ("u",), {"k": k}
        self.values = np.exp(-RATE * TIMES) + np.random.default_rng(seed).normal(scale=NOISE, size=COUNT)
        self.told = told

    def terms(self):
        return {
            "decay": pinn.Interior(lambda u, u_t, k: u_t + k * u),
            "start": pinn.Initial(u=1.0),
            "seen": pinn.Data(at={"t": TIMES}, u=self.values, noise=self.told),
        }


class Product(Decay):
    """u_t = -a b u: the data tell the product alone."""

    def __init__(self):
        super().__init__()
        self.unknowns = {"a": 1.0, "b": 1.0}

    def terms(self):
        return super().terms() | {"decay": pinn.Interior(lambda u, u_t, a, b: u_t + a * b * u)}


class Diffusion(pinn.Problem):
    """-D u_xx = pi^2 sin(pi x) on (0, 1), u zero at the ends, seen with noise: u = sin(pi x) / D."""

    def __init__(self, seed=0, noise=0.01, D=1.0):
        self.domain, self.fields, self.unknowns = pinn.Box(x=(0, 1)), ("u",), {"D": pinn.Unknown(D, positive=True)}
        x = np.linspace(0.02, 0.98, 30)
        values = np.sin(np.pi * x) / 0.7 + np.random.default_rng(seed).normal(scale=noise, size=len(x))
        self.seen = pinn.Data(at={"x": x}, u=values, noise=noise)

    def terms(self):
        equation = pinn.Interior(self.equation)
        return {"equation": equation, "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max")), "seen": self.seen}

    def equation(self, x, u_xx, D):
        return D * u_xx + math.pi**2 * (math.pi * x).sin()


class Wave(pinn.Problem):
    """c^2 u_xx + w^2 u = 0, a string that swings at a known frequency w from its end: u = (c / w) sin(w x / c)."""

    def __init__(self, seed=0, noise=0.01, w=4.0):
        self.domain, self.fields, self.unknowns, self.w = pinn.Box(x=(0, 1)), ("u",), {"c": 0.8}, w
        x = np.linspace(0.05, 1, 40)
        values = np.sin(w * x) / w + np.random.default_rng(seed).normal(scale=noise, size=len(x))
        self.seen = pinn.Data(at={"x": x}, u=values, noise=noise)

    def terms(self):
        swings = pinn.Interior(lambda u, u_xx, c: c**2 * u_xx + self.w**2 * u)
        end = pinn.Boundary(lambda u_x: u_x - 1.0, on="x.min")
        return {"swings": swings, "end": pinn.Dirichlet(u=0.0, on="x.min"), "slope": end, "seen": self.seen}


def small(inputs, outputs):
    return MLP(inputs, outputs, width=8, depth=1)


def wide(inputs, outputs):
    return MLP(inputs, outputs, width=12, depth=2)


def solved(problem, network=small, interior=60, **settings):
    return pinn.solve(
        problem,
        network=network,
        optimizer=LeastDamping(),
        sampler=SobolSampler(interior=interior),
        training=Training(steps=300, time_limit=None),
        compile="never",
        output=pinn.Output(figures=False, second_stage=False, resolution=11),
        **settings,
    )


@pytest.mark.estimates
def test_a_rate_has_the_error_of_least_squares_with_the_exact_curve(tmp_path):
    solution = solved(Decay(), folder=tmp_path)
    k = solution.unknowns["k"]
    assert k == solution.trial.unknowns["k"] and k + 1.0 == float(k) + 1.0
    assert k.standard_error == pytest.approx(CLOSED, rel=0.05)  # what is left of the equation's weight, and k itself
    assert abs(k - RATE) < 3 * CLOSED
    lower, upper = k.interval(0.95)
    assert (lower + upper) / 2 == pytest.approx(k)
    assert upper - lower == pytest.approx(2 * 1.96 * k.standard_error, rel=1e-3)  # 1.95996
    told = solution.attributes
    assert told["identified_by"] == "by the noise that is given"
    assert told["verdict"].count("k = ") == 1
    with h5py.File(tmp_path / "solution.h5") as file:
        stored = file["unknowns/k"]
        assert stored[()] == k == file.attrs["unknown_k"]
        assert dict(stored.attrs)["standard_error"] == k.standard_error
        assert (stored.attrs["lower"], stored.attrs["upper"]) == pytest.approx((lower, upper), rel=1e-6)
        assert 0 < file["band/u"][-1] == 2 * file["estimate/u"][-1]
    loaded = pinn.load(tmp_path, problem=Decay(), network=small)
    assert loaded.unknowns["k"].interval(0.5) == k.interval(0.5)
    at = loaded.grid()["t"]  # where nothing is interpolated
    assert np.allclose(loaded.band(t=at), solution.band(t=at), rtol=1e-12)
    # u = exp(-k t): du = -t u dk, where the equation holds; a band counts in that it bends a little
    least = 2 * (at * np.exp(-k * at))[2:] * CLOSED
    band = solution.band(t=at)[2:]
    assert np.all(band > 0.95 * least) and np.all(band < 3.0 * least)


@pytest.mark.estimates
def test_a_noise_that_is_not_told_shows_in_the_misfit():
    told = solved(Decay(told=1.0), weights={"decay": 1e4})
    assert told.attributes["identified_by"].startswith("by the noise that the misfit shows, 0.0")
    # of 40 observations the misfit knows its size to 1 / sqrt(80), three times
    assert told.unknowns["k"].standard_error == pytest.approx(CLOSED, rel=0.35)
    with pytest.raises(UserError, match="decay has no band: its data have no noise"):
        told.band(t=1.0)


@pytest.mark.estimates
def test_a_prior_of_the_error_of_the_data_halves_the_variance_and_meets_in_the_middle():
    alone = solved(Decay()).unknowns["k"]
    both = solved(Decay(k=pinn.Unknown(0.5, prior=pinn.Normal(1.28, CLOSED), scale="log"))).unknowns["k"]
    assert both == pytest.approx((alone + 1.28) / 2, abs=0.5 * CLOSED)  # the equation bends a little
    assert both.standard_error == pytest.approx(CLOSED / math.sqrt(2), rel=0.1)


@pytest.mark.estimates
def test_what_data_do_not_determine_is_told_by_name():
    solution = solved(Product())
    told = solution.attributes
    assert told["verdict_word"] == "ill-posed"
    assert "a and b are not determined one by one" in told["verdict"]
    a, b = solution.unknowns["a"], solution.unknowns["b"]
    assert a.correlations["b"] == pytest.approx(-1.0, abs=1e-3) == pytest.approx(b.correlations["a"], abs=1e-3)
    assert a.standard_error > a
    assert abs(a * b - RATE) < 3 * CLOSED


def test_without_errors_an_interval_says_what_it_takes():
    k = solved(Decay()).unknowns["k"]  # tests estimate nothing unless they are marked
    assert k.standard_error is None
    with pytest.raises(UserError, match="the standard error of k is not known"):
        k.interval()


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        (1.149886, 1.150155, "[1.14989, 1.15016]"),
        (0.25, 0.75, "[0.25, 0.75]"),
        (-3.0, 21.23456, "[-3, 21.23]"),
        (2.0, 2.0, "[2, 2]"),
        (1.0, 1.0 + 1e-14, "[1, 1]"),
        (0.0, math.inf, "[0, inf]"),
    ],
)
def test_an_interval_has_digits_that_tell_its_ends_apart(lower, upper, text):
    assert interval(lower, upper) == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.0031831, 2.1e-5, "0.00318 ± 0.00002"),
        (1.3108, 0.0142, "1.311 ± 0.014"),
        (12345.6, 321.0, "12346 ± 321"),
        (3.2e-7, 4e-9, "(3.20 ± 0.04)e-7"),
        (0.0, 0.5, "0.0 ± 0.5"),
        (1.23456789012, 3e-15, "1.2345679 ± 3e-15"),
        (1.23456789e-9, 3e-25, "1.2345679e-09 ± 3e-25"),
        (1.23456789, 1.2e-7, "1.23456789 ± 0.00000012"),
        (2.5, None, "2.5"),
        (2.5, math.inf, "2.5"),
    ],
)
def test_numbers_have_the_digits_of_their_errors(value, error, text):
    assert with_error(value, error) == text


def deviations(make, name, truth, seeds, **settings):
    """(estimate - truth) / standard error, over draws of the noise."""
    found = []
    for seed in seeds:
        known = solved(make(seed), **settings).unknowns[name]
        found.append((known - truth) / known.standard_error)
    return np.array(found)


@pytest.mark.estimates
def test_errors_are_those_of_repeated_noise():
    z = deviations(lambda seed: Decay(seed=seed), "k", RATE, range(6))
    assert 0.25 < np.sqrt(np.mean(z**2)) < 1.94  # chi of 6 in 99.8 % of cases; more draws are slow


@pytest.mark.slow
@pytest.mark.estimates
@pytest.mark.parametrize(
    ("make", "name", "truth", "settings"),
    [
        (lambda seed: Decay(seed=seed), "k", RATE, {}),
        (Diffusion, "D", 0.7, {"network": wide}),
        (Wave, "c", 1.0, {"network": wide}),
    ],
    ids=["decay", "diffusion", "wave"],
)
def test_intervals_cover_the_truth(make, name, truth, settings):
    z = deviations(make, name, truth, range(200), **settings)
    covered = float(np.mean(np.abs(z) < 1.96))
    assert 0.90 <= covered <= 0.99, covered  # 0.95 with a standard deviation of 0.015 over 200 draws


class Swing(pinn.Problem):
    """u_tt + b u_t + a u = 0, whose unknowns stand in an order that is not that of their names."""

    def __init__(self):
        self.domain, self.fields, self.unknowns = pinn.Time(t=(0, 3)), ("u",), {"b": 0.2, "a": 3.0}
        t = np.linspace(0.1, 3, 40)
        w = math.sqrt(4.0 - 0.04)
        values = np.exp(-0.2 * t) * (np.cos(w * t) + 0.2 / w * np.sin(w * t))
        self.seen = pinn.Data(at={"t": t}, u=values + np.random.default_rng(0).normal(scale=0.01, size=40), noise=0.01)

    def terms(self):
        swing = pinn.Interior(lambda u, u_t, u_tt, a, b: u_tt + b * u_t + a * u)
        return {"swing": swing, "start": pinn.Initial(u=1.0, u_t=0.0), "seen": self.seen}


@pytest.mark.estimates
def test_each_unknown_has_its_own_error():
    found = solved(Swing(), network=wide, interior=100).unknowns
    assert list(found) == ["b", "a"]
    t, step = np.linspace(0.1, 3, 40), 1e-5

    def curve(b, a):
        w = math.sqrt(a - b * b / 4)
        return np.exp(-b * t / 2) * (np.cos(w * t) + b / 2 / w * np.sin(w * t))

    slopes = [
        (curve(*(p + step * d)) - curve(*(p - step * d))) / (2 * step)
        for p, d in zip([np.array([0.4, 4.0])] * 2, np.eye(2), strict=True)
    ]
    covariance = np.linalg.inv(np.array(slopes) @ np.array(slopes).T) * 0.01**2
    for name, error, truth in zip(("b", "a"), np.sqrt(covariance.diagonal()), (0.4, 4.0), strict=True):
        assert found[name].standard_error == pytest.approx(error, rel=0.2)
        assert abs(found[name] - truth) < 4 * error
