"""The trainer: stopping rules, redrawing, what it records and what it keeps."""

import math

import numpy as np
import pytest
import torch
from training.trainers import Diverging, make_trainer, small_network

import pinn
from pinn.basis.errors import UserError
from pinn.distributed.team import Alone
from pinn.optimizers import Adam, LevenbergMarquardt, LinearLeastSquares
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.residuals.exact_terms import exact_terms, make_residuals
from pinn.residuals.execution import Execution
from pinn.residuals.residuals import Residuals
from pinn.sampling import SobolSampler
from pinn.terms import Dirichlet, Interior
from pinn.training import Outcome, Training
from pinn.training.callbacks.history import History
from pinn.training.run import Callback
from pinn.training.weighting import BalancedWeights
from pinn.trial.making import make_trial


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
