"""Decisions of torch code: what counts as one, and what is none."""

import pytest
import torch

from pinn.derivatives.decisions import DecisionRecorder

X = torch.tensor([-1.5, -0.2, 0.3, 1.7], dtype=torch.float64)
TABLE = torch.tensor([3.0, 5.0, 4.0, 1.0], dtype=torch.float64)


def decisions(function):
    with DecisionRecorder(len(X)) as recorder:
        function(X)
    return [decision.tolist() for decision in recorder.decisions]


@pytest.mark.parametrize(
    ("function", "known"),
    [
        (lambda x: torch.where(x < 0, 1.0, x), [[1, 1, 0, 0]]),
        (lambda x: (x < 0) * 2.0, [[1, 1, 0, 0]]),
        (lambda x: (x > 0).double(), [[0, 0, 1, 1]]),
        (lambda x: x.abs(), [[-1, -1, 1, 1]]),
        (lambda x: abs(x), [[-1, -1, 1, 1]]),
        (lambda x: torch.sign(x), [[-1, -1, 1, 1]]),
        (lambda x: torch.heaviside(x, torch.ones((), dtype=x.dtype)), [[-1, -1, 1, 1]]),
        (lambda x: torch.floor(x), [[-2, -1, 0, 1]]),
        (lambda x: x % 1.0, [[-2, -1, 0, 1]]),
        (lambda x: torch.clamp(x, 0.0, 1.0), [[1, 1, 0, 0], [0, 0, 0, 1]]),
        (lambda x: x.clamp(max=0.0), [[0, 0, 1, 1]]),
        (lambda x: torch.maximum(x, 0.0 * x), [[-1, -1, 1, 1]]),
        (lambda x: TABLE[(x + 2).long()], [[0, 1, 2, 3]]),
    ],
)
def test_the_pieces_of_a_function_are_decisions(function, known):
    assert decisions(function) == known


def test_a_condition_made_of_several_is_one_decision():
    assert decisions(lambda x: torch.where((x > -1) & (x < 1), 1.0, 2.0)) == [[0, 1, 1, 0]]


def test_smooth_functions_and_reductions_decide_nothing():
    assert decisions(lambda x: torch.sin(x) * x**2 + (x > 0).sum() + TABLE) == []
