"""What comes after training has its part of the time limit."""

import pytest

from pinn.solution.output import Output
from pinn.solving.examination import time_for_errors, time_for_training


@pytest.mark.parametrize(
    ("limit", "estimate", "figures", "training"),
    [
        (None, True, True, None),
        (100.0, True, True, 82.0),
        (100.0, True, False, 85.0),
        (100.0, False, False, 95.0),
        (10.0, True, False, 7.5),
        (1.0, True, True, 0.2),
    ],
)
def test_training_leaves_time_for_what_comes_after_it(limit, estimate, figures, training):
    assert time_for_training(limit, Output(estimate=estimate, figures=figures)) == pytest.approx(training)


@pytest.mark.parametrize(
    ("spent", "limit", "seconds"),
    [(100.0, None, 20.0), (5.0, None, 2.0), (90.0, 100.0, 5.0), (50.0, 100.0, 10.0), (120.0, 100.0, 2.0)],
)
def test_the_estimate_takes_a_fifth_of_the_time_or_what_is_left(spent, limit, seconds):
    assert time_for_errors(spent, limit, Output(figures=False)) == seconds
