"""Stages: they follow each other, each with ends of its own."""

import time

import pytest
from training.trainers import Diverging, make_trainer, small_network

from pinn.optimizers import Adam, LevenbergMarquardt, LinearLeastSquares, Optimizer
from pinn.problems import Burgers
from pinn.residuals.execution import Execution
from pinn.sampling import SobolSampler
from pinn.training import Outcome, Stage, Stages, Training
from pinn.training.clock import Clock
from pinn.training.plan import Plan
from pinn.training.run import Callback
from pinn.trial.making import make_trial


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
