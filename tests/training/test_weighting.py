"""Weights that change while training, and what is measured whatever they are."""

import numpy as np
import pytest
import torch
from training.trainers import make_trainer

from pinn.problems import Burgers
from pinn.terms import Data
from pinn.training.callbacks.history import History
from pinn.training.gradient_weights import GradientWeights, gradient_norms
from pinn.training.weighting import BalancedWeights, NoiseWeights, View


def test_balanced_weights_bring_the_terms_together():
    """Two losses apart by 1e6 come within a factor (1e6)^((1 - 0.05)^k) after k updates; the mean stays 1."""
    rule, weights, means = BalancedWeights(), {"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 1e-6}
    for _ in range(60):
        weights = rule.updated(weights, means, {})
    ratio = weights["b"] * means["b"] / (weights["a"] * means["a"])
    assert ratio == pytest.approx(1e-6 ** (0.95**60), rel=1e-6)
    assert sum(weights.values()) == pytest.approx(2.0)


def test_what_is_exact_weighs_more_once_data_are_met_to_their_noise():
    rule, weights, noisy = NoiseWeights(), {"equation": 1.0, "seen": 1.0}, {"seen": 200}
    assert not rule.may_change({})
    far, near = {"equation": 0.008, "seen": 1.3}, {"equation": 0.008, "seen": 1.1}  # 1 + 2 sqrt(2 / 200) = 1.2
    assert rule.updated(weights, far, noisy) == weights
    assert rule.updated(weights, near, noisy) == {"equation": 10.0, "seen": 1.0}
    assert rule.updated(weights, near | {"equation": 0.02}, noisy) == weights  # which is still to be met itself
    done = near | {"equation": 0.004}  # less than one observation's noise, 1 / 200
    assert rule.updated(weights, done, noisy) == weights
    assert rule.is_done(weights, done, noisy)
    assert not rule.is_done(weights, near, noisy)


def test_weights_are_balanced_while_training():
    trainer = make_trainer(constraints="soft", weighting=BalancedWeights(exponent=0.5))
    trainer.run()
    assert trainer.residuals.weights != {"momentum": 1.0, "walls": 1.0, "start": 1.0}
    assert sum(trainer.residuals.weights.values()) == pytest.approx(3.0)


def test_residuals_are_measured_whatever_their_weights():
    trainer = make_trainer(constraints="soft")
    trainer.residuals.weights |= {"walls": 100.0}
    found = trainer.held_out.measure(trainer.theta, trainer.held_out.least_squares)
    points = trainer.held_out.points
    for block, weight in (("walls", 100.0), ("start", 1.0)):
        assert found[f"held_out/{block}"] == pytest.approx(weight * found[f"residual/{block}"] ** 2, rel=1e-12)
    (start,) = (x for label, x in points.items() if label == "t.min")
    u = trainer.residuals.trial.evaluate(["u"], start.x)["u"].detach().numpy()
    left = u + np.sin(np.pi * start.x[:, 0].numpy())  # of u = -sin(pi x), in its own units
    assert found["residual/start"] == pytest.approx(np.sqrt((left**2).mean()), rel=1e-10)


def test_the_misfit_of_data_is_recorded_over_their_noise():
    class Measured(Burgers):
        def terms(self):
            return super().terms() | {
                "measured": Data(at={"x": [0.5, -0.5], "t": [0.0, 0.0]}, u=[0.0, 0.0], noise=0.5),
                "exact": Data(at={"x": [0.0], "t": [0.0]}, u=[0.0]),  # no noise is given
            }

    history = History()
    make_trainer(Measured(nu=0.1), callbacks=[history]).run()
    columns = history.columns()
    assert columns["noise/measured"][-1] == pytest.approx(2.0, rel=1e-12)  # |u| = 1 at the start, by the ansatz
    assert "noise/exact" not in columns


def test_conditions_come_to_pull_as_hard_as_equations():
    weights, means = dict.fromkeys(("equation", "walls", "start"), 1.0), {"equation": 0.5, "walls": 0.5, "start": 1e-3}
    view = View(gradients=lambda: {"equation": 100.0, "walls": 1.0, "start": 1e-3}, equations=frozenset({"equation"}))
    rule = GradientWeights()
    wanted = {"equation": 1.0, "walls": 100.0, "start": 1.0}  # the start is met
    assert rule.updated(weights, means, {}, view) == pytest.approx(wanted)
    assert GradientWeights(largest=10.0).updated(weights, means, {}, view)["walls"] == pytest.approx(10.0)
    assert GradientWeights(share=0.0).updated(weights, means, {}, view)["start"] == pytest.approx(1e5)
    vanishing = View(gradients=lambda: {"equation": 1e-9, "walls": 1.0, "start": 1.0}, equations=view.equations)
    assert rule.updated(wanted, means, {}, vanishing) == wanted  # where the equation holds by itself
    assert rule.updated(wanted, means, {}) == wanted  # with nothing to be seen
    assert not rule.may_change({"data": 5})


def test_gradient_norms_are_those_of_mean_squares_in_their_units():
    trainer = make_trainer(constraints="soft", weighting=GradientWeights())
    trainer.run()
    residuals, least_squares, theta = trainer.residuals, trainer.least_squares, trainer.theta
    before = dict(residuals.weights)
    units = dict.fromkeys(before, 1.0) | {next(iter(before)): 1e-14}
    norms = gradient_norms(residuals, least_squares, theta, units)
    assert residuals.weights == before
    assert len({round(weight, 9) for weight in before.values()}) > 1  # training has changed them
    step = 1e-5  # of central differences, which are so to 1e-6 or better
    moves = step * torch.eye(len(theta), dtype=theta.dtype)
    for block, norm in norms.items():
        ends = [[float(least_squares.mean_squares(theta + s * move)[block]) for s in (1, -1)] for move in moves]
        gradient = [units[block] * (high - low) / (2 * step) for high, low in ends]
        assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
