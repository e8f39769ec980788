"""Every choice of every group can be composed; each problem and each experiment makes two steps."""

import math

import numpy as np
import pytest
from hydra.utils import instantiate

from pinn.cli.composition import PARTS, arguments, composed
from pinn.cli.help import further_groups, groups
from pinn.solving import solve

# As little as a run can be: everything is built and measured, nothing is learned.
SMALL = (
    *("training.steps=2", "training.windows=1", "training.held_out=10", "training.time_limit=null"),
    *("sampler.interior=40", "sampler.boundary=10", "network.width=4", "initial_guess=null"),
    *("output.resolution=3", "output.figures=false", "device=cpu", "scaling=none"),
)
CHOICES = [(group, choice) for group, listed in (groups() | further_groups()).items() for choice in listed]
SOLVED = ("problem", "experiment")  # each choice of which makes two steps below
BUILT = [(group, choice) for group, choice in CHOICES if group in PARTS and group not in SOLVED]
# Choices that belong with another one.
WITH = {"optimizer/schedule": ("optimizer=adam",)}


@pytest.mark.parametrize(("group", "choice"), BUILT)
def test_a_choice_is_composed_and_built(group, choice):
    config = composed([f"{group}={choice}"])
    assert instantiate(config[group], _convert_="all") is not None


@pytest.mark.parametrize(("group", "choice"), [pair for pair in CHOICES if pair[0] not in (*PARTS, *SOLVED)])
def test_a_further_choice_is_composed(group, choice):
    config = composed([*WITH.get(group, ()), f"{group}={choice}"])
    assert set(arguments(config)) >= set(PARTS)


@pytest.mark.parametrize("word", [f"problem={choice}" for choice in groups()["problem"]])
def test_a_problem_makes_two_steps(word):
    assert_two_steps(word)


@pytest.mark.parametrize("word", [f"experiment={choice}" for choice in further_groups()["experiment"]])
def test_an_experiment_makes_two_steps(word):
    assert_two_steps(word)


def assert_two_steps(word):
    solution = solve(**arguments(composed([word, *SMALL])))
    losses = solution.history["loss"]
    assert 1 <= len(losses) <= 2  # a linear problem may be solved by one
    assert all(math.isfinite(loss) and loss >= 0 for loss in losses)
    contents = solution.contents()
    assert contents.fields
    inside = contents.nodes.inside
    for values in contents.fields.values():
        assert np.isfinite(values if inside is None else values[inside]).all()
