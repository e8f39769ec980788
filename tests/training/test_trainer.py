"""The trainer: stopping rules, redrawing, what it records and what it keeps."""

import math
import time

import numpy as np
import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.distributed.team import Alone
from pinn.networks import MLP
from pinn.optimizers import Adam, LevenbergMarquardt, LinearLeastSquares, Optimizer
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.residuals.exact_terms import exact_terms, make_residuals
from pinn.residuals.execution import Execution
from pinn.residuals.residuals import Residuals
from pinn.sampling import SobolSampler
from pinn.terms import Data, Dirichlet, Interior
from pinn.training import Outcome, Stage, Stages, Trainer, Training
from pinn.training.callbacks.history import History
from pinn.training.clock import Clock
from pinn.training.plan import Plan
from pinn.training.run import Callback
from pinn.training.weighting import BalancedWeights, NoiseWeights
from pinn.trial.making import make_trial


def small_network(inputs, outputs):
    return MLP(inputs, outputs, width=8, depth=2)


def make_trainer(problem=None, optimizer=None, *, sampler=None, constraints="hard", **settings):
    torch.manual_seed(0)
    trial = make_trial(problem or Burgers(nu=0.1), small_network, constraints=constraints)
    others = {name: settings.pop(name) for name in ("callbacks", "weighting") if name in settings}
    training = Training(**({"steps": 12, "check_every": 4, "held_out": 200} | settings))
    sampler = sampler or SobolSampler(interior=200, boundary=20, redraw_every=5)
    return Trainer(make_residuals(trial), optimizer or LevenbergMarquardt(), sampler, training, **others)


def test_the_record_of_a_run():
    history = History()
    trainer = make_trainer(callbacks=[history])
    assert trainer.run() is Outcome.STEPS
    columns = history.columns()
    assert columns["step"].tolist() == list(range(1, 13))
    assert (np.diff(columns["seconds"]) > 0).all()
    measured = np.isfinite(columns["error/u"])
    assert columns["step"][measured].tolist() == [1, 4, 8, 12]
    assert {"loss", "damping", "gradient_norm", "held_out", "held_out/momentum", "loss/momentum"} <= set(columns)
    assert columns["error/u"][11] < 0.3 * columns["error/u"][0]


def test_the_step_at_which_time_is_over_is_measured():
    """Else a run of few long steps would be judged by its first one."""
    history = History()
    trainer = make_trainer(optimizer=Adam(), callbacks=[history], steps=10**6, check_every=10**6, time_limit=1.0)
    assert trainer.run() is Outcome.TIME
    held_out = history.columns()["held_out"]
    assert len(held_out) > 2
    assert np.isfinite(held_out).nonzero()[0].tolist() == [0, len(held_out) - 1]


def test_the_error_recorded_is_the_error_of_the_trial_function():
    history = History()
    trainer = make_trainer(callbacks=[history], steps=4)
    trainer.run()
    x = trainer.held_out.points["interior"].x
    found = trainer.residuals.trial.evaluate(["u"], x)["u"].detach().numpy()
    truth = trainer.residuals.trial.problem.truth(x.numpy())["u"]
    expected = np.linalg.norm(found - truth) / np.linalg.norm(truth)
    assert history.records[-1]["error/u"] == pytest.approx(expected, rel=1e-10)


def test_points_are_redrawn_on_schedule():
    class Watch(Callback):
        def on_start(self, trainer):
            self.trainer, self.points = trainer, []

        def on_step(self, record):
            self.points.append(self.trainer.points["interior"].x)

    watch = Watch()
    make_trainer(callbacks=[watch]).run()
    changed = [not torch.equal(a, b) for a, b in zip(watch.points, watch.points[1:], strict=False)]
    assert [k + 1 for k, new in enumerate(changed) if new] == [5, 10]


def test_the_same_seed_gives_the_same_numbers():
    a, b = make_trainer(), make_trainer()
    a.run(), b.run()
    assert torch.equal(a.theta, b.theta)


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [({"time_limit": 1e-9}, Outcome.TIME), ({"tolerance": 1e3}, Outcome.TOLERANCE), ({"steps": 3}, Outcome.STEPS)],
)
def test_stopping_rules(settings, outcome):
    assert make_trainer(**settings).run() is outcome


def test_an_optimizer_that_has_settled_ends_the_run_with_a_measurement():
    history = History()
    trainer = make_trainer(optimizer=LinearLeastSquares(), callbacks=[history], steps=20, check_every=50)
    assert trainer.run() is Outcome.SETTLED
    assert 1 < len(history.records) < 20
    assert [record["settled"] for record in history.records[-2:]] == [False, True]
    assert history.records[-1]["held_out"] < history.records[0]["held_out"]


def test_a_stage_that_has_settled_hands_over(caplog):
    stages = Stages([Stage(LinearLeastSquares()), Stage(LevenbergMarquardt(), steps=2)])
    trainer = make_trainer(optimizer=stages)
    with caplog.at_level("INFO", logger="pinn"):
        assert trainer.run() is Outcome.STEPS
    assert "stage 1 (LinearLeastSquares) ends at step" in caplog.text
    assert "settled: another step would gain nothing" in caplog.text
    assert trainer.at.stage_step == 2


def test_a_later_stage_makes_no_step_after_the_time_limit():
    """What is before the first step counts, too."""
    plan = Plan(
        Burgers(nu=0.1),
        small_network,
        Stages([Stage(LevenbergMarquardt(), steps=1), Stage(Adam(), steps=5)]),
        SobolSampler(interior=50),
        Training(held_out=50),
    )
    late = Clock(1.0, time.perf_counter() - 2.0)
    trainer = plan.trainer(make_trial(plan.problem, plan.network), Execution(), clock=late)
    assert trainer.run() is Outcome.TIME
    assert trainer.at.step == 1
    assert trainer.at.seconds > 2.0


def test_a_stage_has_a_time_limit_of_its_own(caplog):
    """It ends after its first step here, and not the run; its outcome says so, also where it is the last stage."""
    short = Stage(LevenbergMarquardt(), time_limit=1e-9)
    trainer = make_trainer(optimizer=Stages([short, Stage(LevenbergMarquardt(), steps=2)]))
    with caplog.at_level("INFO", logger="pinn"):
        assert trainer.run() is Outcome.STEPS
    assert "stage 1 (LevenbergMarquardt) ends at step 1: the stage's time limit reached" in caplog.text
    assert trainer.at.step == 3
    assert make_trainer(optimizer=Stages([short])).run() is Outcome.STAGE_TIME


class Refusing(Optimizer):
    """Takes no step."""

    def init(self, theta):
        return {}

    def step(self, theta, state, least_squares):
        return theta, state, {"loss": float(least_squares.loss(theta)), "accepted": False}


@pytest.mark.parametrize(("redraw_every", "last"), [(0, 11), (7, 15), (100, 41)])
def test_steps_that_are_not_accepted_end_a_stage(redraw_every, last):
    """After two sets of points, or those of five steps, and 40 at most."""
    sampler = SobolSampler(interior=20, boundary=5, redraw_every=redraw_every)
    trainer = make_trainer(optimizer=Refusing(), sampler=sampler, steps=100)
    assert trainer.run() is Outcome.STALLED
    assert trainer.at.step == last
    follower = Stages([Stage(Refusing()), Stage(LevenbergMarquardt(), steps=2)])
    trainer = make_trainer(optimizer=follower, sampler=sampler, steps=100)
    assert trainer.run() is Outcome.STEPS
    assert trainer.at.step == last + 2


class Diverging(Optimizer):
    """Good steps first, then a jump to nowhere."""

    def init(self, theta):
        return {"damping": None, "growth": 2.0, "count": 0}

    def step(self, theta, state, problem):
        new, inner, report = LevenbergMarquardt().step(theta, state, problem)
        count = state["count"] + 1
        return (new if count < 9 else new * math.inf), inner | {"count": count}, report


def test_divergence_keeps_the_best_parameters():
    trainer = make_trainer(optimizer=Diverging())
    assert trainer.run() is Outcome.DIVERGED
    assert bool(trainer.residuals.theta().isfinite().all())
    assert torch.equal(trainer.residuals.theta(), trainer.best.theta)
    assert trainer.best.held_out < math.inf


def test_an_interrupt_keeps_the_best_parameters_and_ends_the_callbacks():
    class Interrupt(Callback):
        ended = None

        def on_step(self, record):
            if record["step"] == 6:
                raise KeyboardInterrupt

        def on_end(self, outcome):
            self.ended = outcome

    interrupt = Interrupt()
    assert make_trainer(callbacks=[interrupt]).run() is Outcome.INTERRUPTED
    assert interrupt.ended is Outcome.INTERRUPTED


def test_a_residual_that_is_nan_at_the_first_step_is_explained():
    class Singular(Burgers):
        def momentum(self, u, u_t, x):
            return u_t + u + torch.log(x - 2.0)

    with pytest.raises(UserError, match=r"Singular\.momentum is nan at the first step, at x = .*200 of 200 points"):
        make_trainer(Singular()).run()


def test_terms_that_the_ansatz_satisfies_are_left_out():
    trial = make_trial(Burgers(), small_network)
    assert set(exact_terms(Residuals(trial))) == {"walls", "start"}
    assert make_residuals(trial, weights={"walls": 5.0, "momentum": 2.0}).weights == {"momentum": 2.0}
    assert make_residuals(make_trial(Burgers(), small_network, constraints="soft")).blocks == (
        "momentum",
        "walls",
        "start",
    )


def test_a_condition_that_the_ansatz_misses_stays():
    class HalfHard(Burgers):
        def ansatz(self, x, t, u):
            return {"u": (1 - x**2) * u}

    assert exact_terms(Residuals(make_trial(HalfHard(), small_network))) == ("walls",)


class Laplace(Problem):
    """u_xx = 2 on [0, 1] with u(0) = 0, u(1) = 1: steady, one coordinate, no time."""

    def __init__(self) -> None:
        self.domain = pinn.Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"equation": Interior(lambda u_xx: u_xx - 2), "ends": Dirichlet(u=lambda x: x, on=("x.min", "x.max"))}

    def exact(self, x):
        return x**2


def test_a_steady_problem_with_soft_conditions_is_solved():
    trainer = make_trainer(Laplace(), steps=60)
    trainer.run()
    assert trainer.held_out.errors(trainer.theta)["u"] < 1e-4  # measured 5e-6 after 60 steps, 97 parameters


def test_stages_follow_each_other_and_each_has_its_own_end(caplog):
    class Seen(Callback):
        rates = ()

        def on_step(self, record):
            self.rates = (*self.rates, "learning_rate" in record)

    seen = Seen()
    stages = Stages([Stage(Adam(), steps=4), Stage(LevenbergMarquardt(), steps=3)])
    with caplog.at_level("INFO", logger="pinn"):
        assert make_trainer(optimizer=stages, callbacks=[seen]).run() is Outcome.STEPS
    assert seen.rates == (True,) * 4 + (False,) * 3
    assert "stage 1 (Adam) ends at step 4: all steps done" in caplog.text


def test_a_stage_that_diverges_hands_over_its_best_parameters(caplog):
    stages = Stages([Stage(Diverging(), steps=50), Stage(LevenbergMarquardt(), steps=20)])
    trainer = make_trainer(optimizer=stages)
    with caplog.at_level("INFO", logger="pinn"):
        assert trainer.run() is Outcome.STEPS
    assert "Diverging) ends at step 8: the loss became NaN" in caplog.text
    assert trainer.held_out.errors(trainer.theta)["u"] < 0.1


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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "training.steps must be >= 1 or null, got 0"),
        ({"time_limit": math.nan}, "training.time_limit must be positive and finite or null, got nan"),
        ({"tolerance": -1.0}, "training.tolerance"),
        ({"check_every": 0}, "training.check_every"),
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(UserError, match=message):
        Training(**settings)


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


def test_an_interruption_while_processes_agree_is_not_lost():
    """The signal may come between what this process tells the others and their answer."""
    trainer = make_trainer(steps=5)

    class Interrupting(Alone):
        def largest(self, *numbers):
            trainer.interruption.requested = True
            return super().largest(*numbers)

    trainer.execution = Execution(team=Interrupting())
    assert trainer.run() is Outcome.INTERRUPTED
    assert trainer.at.step == 1


class Staying(LevenbergMarquardt):
    """At points that stay."""

    redraw_every = None
    more = False

    def redrawn(self, state):
        return state, self.more


def renewals(interior, steps, more=False, **settings):
    """The numbers of points at each step."""
    optimizer, counts = Staying(), []
    optimizer.more = more

    class Counted(Callback):
        def on_step(self, record):
            counts.append(len(trainer.points["interior"].x))

    sampler = SobolSampler(interior=interior, boundary=10)
    trainer = make_trainer(optimizer=optimizer, sampler=sampler, steps=steps, callbacks=[Counted()], **settings)
    trainer.run()
    return counts, trainer


def test_points_that_stay_are_renewed_once_learnt_by_heart():
    counts, trainer = renewals(30, 15)
    assert set(counts) == {30}
    assert trainer.at.doublings == 0
    few, many = renewals(30, 40, more=True)[0], renewals(4000, 10, more=True)[0]
    assert few[:5] == [30] * 5
    assert few == sorted(few)
    assert max(few) in (60, 120, 240)  # thrice, at most
    assert set(many) == {4000}  # more than parameters by far: nothing is learnt by heart


def test_points_do_not_stay_where_weights_change_with_them():
    sampler = SobolSampler(interior=50, boundary=10)
    trainer = make_trainer(optimizer=Staying(), sampler=sampler, weighting=BalancedWeights(), constraints="soft")
    drawn = []
    trainer._draw = lambda draw=trainer._draw: drawn.append(trainer.at.step) or draw()
    trainer.run()
    assert drawn == [0, 10]


def test_a_stage_smooths_the_equations_and_so_it_does_resumed():
    smooth = Stage(LevenbergMarquardt(), steps=2, smoothing=100.0)
    stages = Stages([smooth, Stage(LevenbergMarquardt(), steps=2)])
    trainer = make_trainer(optimizer=stages)
    assert trainer.residuals.smoothing == 100.0
    trainer.run()
    assert trainer.residuals.smoothing == 1.0
    resumed = make_trainer(optimizer=stages)
    resumed.restore(trainer.checkpoint())
    assert resumed.residuals.smoothing == 1.0
