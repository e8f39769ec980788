"""By how much the last steps of a training still changed the fields."""

import numpy as np
import pytest
import torch
from training.trainers import make_trainer

from pinn.optimizers import Adam
from pinn.training.trail import Trail


def test_the_change_is_that_of_the_last_quarter_of_the_steps():
    """Of fields that fall as 1 / step: as large as what is left, but for a factor."""
    trainer = make_trainer(constraints="soft")
    trail, trial = Trail(trainer.residuals, 0), trainer.residuals.trial

    def theta(step):
        """Fields 1 / step as large: those of the network's last layer."""
        moved = {n: v / step if n in trial.linear_parameters else v for n, v in trial.parameters().items()}
        return torch.cat([v.reshape(-1) for v in moved.values()])

    for step in range(1, 1001):
        trail.note(step, theta(step))
    assert len(trail.values) < 8
    (change,) = trail.change(1000, theta(1000)).values()
    expected = np.median([1000 / kept - 1 for kept in trail.values])
    assert change == pytest.approx(expected, rel=1e-9)  # exact but for rounding
    assert 0.1 < change < 0.3


def test_where_the_best_parameters_are_old_what_came_after_them_counts():
    trainer = make_trainer(constraints="soft")
    trail, best = Trail(trainer.residuals, 0), trainer.theta.clone()
    for step in range(1, 101):
        trail.note(step, best if step < 50 else best * 1.01)
    assert min(trail.change(100, best).values()) > 1e-3


def test_nothing_is_known_of_the_change_in_a_first_step():
    trainer = make_trainer(steps=1)
    trainer.run()
    assert trainer.change() == {}


def test_a_run_that_is_continued_knows_the_same_change():
    whole, half = make_trainer(optimizer=Adam(), steps=12), make_trainer(optimizer=Adam(), steps=6)
    whole.run()
    half.run()
    rest = make_trainer(optimizer=Adam(), steps=12)
    rest.restore(half.checkpoint())
    rest.run()
    assert whole.change() == rest.change() != {}
