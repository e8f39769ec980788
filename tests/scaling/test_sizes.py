"""What follows from sizes: weights, and a line that tells them."""

import pytest

from pinn.basis.errors import UserError
from pinn.scaling.sizes import Sizes, check_choice, rounded

SIZES = Sizes({"u": (293.0, 100.0), "v": (0.0, 0.1)}, {"heat": 1e7, "walls.v": 0.1, "start": 100.0})


def test_weights_mean_what_they_do_for_residuals_of_order_one():
    weights = SIZES.weights({"walls": 10.0, "start": 2.0, "other": 3.0})
    assert weights == pytest.approx({"walls": 10.0, "start": 2e-4, "other": 3.0, "heat": 1e-14, "walls.v": 1e3})


def test_a_weight_of_a_block_goes_before_its_terms():
    assert SIZES.weights({"walls": 10.0, "walls.v": 5.0})["walls.v"] == pytest.approx(5e2)


def test_what_weighs_little_by_itself_does_at_its_size():
    little = Sizes(equations={"smooth.q": 1e5}, own={"smooth.q": 1e-3})
    assert little.weights(None) == pytest.approx({"smooth.q": 1e-13})
    assert little.weights({"smooth": 2.0})["smooth.q"] == pytest.approx(2e-10)


def test_sizes_are_told_in_one_line():
    assert SIZES.told() == "u 293 +- 100, v 0.1; equations: heat 1e+07, walls.v 1e-01, start 1e+02"
    assert SIZES.told(("walls", "start", "heat")) == "u 293 +- 100, v 0.1"
    assert Sizes().told() == ""


@pytest.mark.parametrize(
    ("size", "power"), [(0.31, 1.0), (2.9, 1.0), (0.2, 0.1), (5e4, 1e5), (2e-6, 1e-6), (0.0, 1.0), (float("inf"), 1.0)]
)
def test_sizes_are_powers_of_ten(size, power):
    assert rounded(size) == pytest.approx(power)


def test_another_word_is_explained():
    with pytest.raises(UserError, match="scaling must be one of auto, none, got 'some'"):
        check_choice("some")
