"""Unknowns with bounds, scales and priors: what is trained for them, and where they come to."""

import math
import pickle

import numpy as np
import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import SobolSampler
from pinn.terms.curves import curve_of
from pinn.terms.unknowns import Unknown
from pinn.training.settings import Training
from pinn.trial.making import make_trial

ALL = (
    Unknown(0.3),
    Unknown(0.3, positive=True),
    Unknown(0.3, bounds=(0.1, 4.0)),
    Unknown(-0.3, bounds=(None, 0.5)),
    Unknown(0.3, scale="log"),
    Unknown(0.3, scale="log", bounds=(0.1, 4.0)),
    Unknown(0.3, scale="log", bounds=(None, 4.0)),
    Unknown(0.3, scale="log", bounds=(0.2, None)),
)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e3])
@pytest.mark.parametrize("one", ALL, ids=repr)
def test_what_is_trained_and_the_value_are_inverse_and_stay_inside(one, size):
    curve = curve_of(one, size)
    assert curve.size == (size if one.scale == "linear" and None in one.bounds else 1.0)
    z = torch.linspace(-30, 30, 61, dtype=torch.float64) / curve.size
    values = curve.value(z)
    lowest, highest = (-math.inf if one.bounds[0] is None else one.bounds[0]), one.bounds[1] or math.inf
    assert bool(((values >= lowest) & (values <= highest)).all())
    assert bool((values.diff() >= 0).all())
    assert curve.at(curve.trained(float(one))) == pytest.approx(float(one))
    for at in (-1.2 / curve.size, 0.0, 0.7 / curve.size):
        value = curve.at(at)
        assert curve.trained(value) == pytest.approx(
            at, abs=1e-9 / curve.size
        )  # rounding by the steepest of the curves
        step = 1e-6 / curve.size
        near = curve.value(torch.tensor([at - step, at + step], dtype=torch.float64))
        assert curve.slope(at) == pytest.approx(float(near.diff()) / (2 * step), rel=1e-6)  # step^2 and rounding / step


def test_it_is_its_first_guess_and_can_be_copied():
    one = Unknown(0.3, bounds=(0.1, 4.0), prior=pinn.Normal(1.0, 0.5), scale="log")
    copied = pickle.loads(pickle.dumps(one))
    assert one == 0.3 and copied == 0.3 and copied.bounds == one.bounds and copied.prior == one.prior
    assert curve_of(0.3).is_itself and not curve_of(one).is_itself


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Unknown(5.0, bounds=(0, 1)), r"start of an unknown must lie inside \(0, 1\), got 5"),
        (lambda: Unknown(-1.0, positive=True), r"must lie inside \(0, inf\), got -1"),
        (lambda: Unknown(0.0, scale="log"), r"must lie inside \(0, inf\), got 0"),
        (lambda: Unknown(0.5, bounds=(1, 0)), "lowest < highest"),
        (lambda: Unknown(0.5, bounds=1.0), "must be \\(lowest, highest\\)"),
        (lambda: Unknown("a"), "must be a finite number, got 'a'"),
        (lambda: Unknown(0.5, scale="lin"), "must be one of linear, log"),
        (lambda: Unknown(0.5, prior=0.1), "prior of an unknown must be a pinn.Normal"),
        (lambda: pinn.Normal(0.5, 0.0), "sd of a Normal must be > 0"),
        (lambda: pinn.Normal(0.5, "1"), "two numbers"),
    ],
)
def test_mistakes_are_told(make, told):
    with pytest.raises(UserError, match=told):
        make()


class Decay(pinn.Problem):
    """u_t = -k u, u seen with noise."""

    def __init__(self, k=0.5, noise=0.02, count=40, values=None):
        self.domain, self.fields, self.unknowns = pinn.Time(t=(0, 2)), ("u",), {"k": k}
        t = np.linspace(0.05, 2, count)
        values = (
            np.exp(-1.3 * t) + np.random.default_rng(0).normal(scale=noise, size=count) if values is None else values
        )
        self.seen = pinn.Data(at={"t": t}, u=values, noise=noise)

    def terms(self):
        return {"decay": pinn.Interior(self.decay), "start": pinn.Initial(u=1.0), "seen": self.seen}

    def decay(self, u, u_t, k):
        return u_t + k * u


def test_a_guess_that_is_no_number_is_told():
    with pytest.raises(UserError, match=r"Decay.unknowns must map k to its first guess or a pinn.Unknown, got 'a'"):
        Decay("a").check_complete()


@pytest.mark.parametrize("k", [Unknown(0.5, bounds=(0.1, 3)), Unknown(0.5, scale="log", prior=pinn.Normal(1, 0.1))])
@pytest.mark.parametrize("derivatives", ["taylor", "reverse"])
def test_the_jacobian_knows_the_curve(k, derivatives):
    trial = make_trial(
        Decay(k), lambda inputs, outputs: MLP(inputs, outputs, width=5, depth=2), derivatives=derivatives
    )
    residuals = Residuals(trial)
    points = residuals.draw(SobolSampler(interior=20), torch.Generator().manual_seed(0))
    least_squares, theta = bind(residuals, points), residuals.theta()
    at = list(residuals.shapes).index("unknowns.k")
    column = sum(shape.numel() for shape in list(residuals.shapes.values())[:at])
    ahead, behind = theta.clone(), theta.clone()
    ahead[column] += 1e-6
    behind[column] -= 1e-6
    differences = (least_squares.residual(ahead) - least_squares.residual(behind)) / 2e-6
    # rounding over the step
    assert torch.allclose(least_squares.jacobian(theta)[1][:, column], differences.detach(), atol=1e-8)


def solved(k, **settings):
    return pinn.solve(
        Decay(k, **settings),
        network=lambda inputs, outputs: MLP(inputs, outputs, width=8, depth=1),
        optimizer=LeastDamping(),
        sampler=SobolSampler(interior=60),
        training=Training(steps=60, time_limit=None),
        compile="never",
        output=pinn.Output(figures=False),
    ).trial.unknowns["k"]


def test_bounds_and_scales_lead_to_the_same_value_and_a_bound_holds():
    plain = solved(0.5)
    assert abs(plain - 1.3) < 0.1  # five standard errors
    # each stops as soon as the loss says so, near the least: a tenth of a standard error
    assert solved(Unknown(0.5, bounds=(0.1, 3.0))) == pytest.approx(plain, abs=3e-3)
    assert solved(Unknown(0.5, scale="log")) == pytest.approx(plain, abs=3e-3)
    assert 0.9 < solved(Unknown(0.5, bounds=(0.1, 1.0))) <= 1.0


def test_a_prior_is_one_more_observation():
    plain = solved(0.5)
    loose, narrow = (solved(Unknown(0.5, prior=pinn.Normal(2.0, sd))) for sd in (100.0, 1e-3))
    assert loose == pytest.approx(plain, abs=3e-3)
    assert narrow == pytest.approx(2.0, abs=0.05)  # against data of a standard error near 0.02


def test_the_loss_has_a_gradient_by_an_unknown_with_a_prior():
    """A region with nothing but an unknown, as first-order optimizers and samples meet it."""

    class Level(pinn.Problem):
        """u_t = 0 with u = c, c drawn from a normal distribution."""

        def __init__(self):
            self.domain, self.fields = pinn.Time(t=(0, 1)), ("u",)
            self.unknowns = {"c": pinn.Unknown(0.0, prior=pinn.Normal(1.0, 0.5))}

        def terms(self):
            return {"level": pinn.Interior(lambda u, c: u - c)}

    residuals = Residuals(make_trial(Level(), lambda inputs, outputs: MLP(inputs, outputs, width=3, depth=1)))
    points = residuals.draw(SobolSampler(interior=4), torch.Generator().manual_seed(0))
    least_squares, theta = bind(residuals, points), residuals.theta()
    loss, gradient = least_squares.loss_and_gradient(theta)
    r, j = least_squares.jacobian(theta)
    assert float(loss) == pytest.approx(float(r @ r))
    assert torch.allclose(gradient, 2 * j.mT @ r, rtol=1e-12, atol=1e-12)  # rounding


def test_values_are_kept_in_double_precision():
    """1.7 is no number of single precision; a function with another core has the values of the first."""
    problem = Decay(k=1.7)
    trial = make_trial(problem, lambda inputs, outputs: MLP(inputs, outputs, width=3, depth=1))
    assert trial.unknowns["k"] == trial.with_core(trial.network.core).unknowns["k"] == 1.7
