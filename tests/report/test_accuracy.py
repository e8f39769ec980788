"""The rows that a run is told by."""

import numpy as np
import pytest

from pinn.diagnosis.verdict import Verdict, Word
from pinn.report.accuracy import Accuracy, residuals
from pinn.solution_file.measured import kept_measurement

KEPT = {
    "loss/momentum": 4e-8,
    "held_out/momentum": 9e-8,
    "residual/momentum": 1e-4,
    "imbalance/momentum": 2e-3,
    "loss/probe": 0.9,
    "held_out/probe": 1.0,
    "residual/probe": 1.0,
    "noise/probe": 1.0,
}
ESTIMATED = {"estimated_relative_l2_u": 3e-3, "estimate_left": 0.1, "error_bound_u": 5e-2, "truth": "exact"}


def told(attributes, kept=KEPT, errors=None):
    return [" ".join(filter(None, row)) for row in Accuracy.of(attributes, kept, errors or {}).rows()]


def test_a_residual_is_told_without_its_weight():
    momentum, probe = residuals(KEPT)
    assert (momentum.fresh, momentum.is_weighted) == (1e-4, False)
    assert momentum.training == pytest.approx(1e-4 * 2 / 3, rel=1e-12)  # with the weight 9 of both
    assert (probe.fresh, probe.training) == (1.0, pytest.approx(0.9**0.5, rel=1e-12))
    assert "residual of momentum 1.00e-04 root mean square on fresh points; 0.002 of the largest addend" in told({})
    assert "misfit of probe 1.00e+00 root mean square on fresh points, over the noise" in told({})


def test_an_old_file_has_weighted_residuals_alone():
    old = {name: value for name, value in KEPT.items() if not name.startswith("residual")}
    momentum, probe = residuals(old)
    assert (momentum.fresh, momentum.is_weighted) == (pytest.approx(3e-4, rel=1e-12), True)
    assert (probe.fresh, probe.is_weighted) == (1.0, False)
    assert "residual of momentum 3.00e-04 root mean square on fresh points, weighted; 0.002 of" in "\n".join(
        told({}, old)
    )


def test_windows_residuals_are_the_root_mean_square_over_all_of_time():
    history = {"held_out": np.array([1.0, 1.0]), "window": np.array([0, 1])}
    found = kept_measurement(history | {"residual/u": np.array([3.0, 4.0]), "imbalance/u": np.array([3.0, 4.0])})
    assert found["residual/u"] == pytest.approx(12.5**0.5, rel=1e-15)
    assert found["imbalance/u"] == 3.5


def test_the_word_comes_first_and_errors_follow():
    found = Verdict(Word.NOT_SOLVED, ("it is coarse", "and slow"), "a wider network")
    rows = told(ESTIMATED | found.attributes, errors={"u": (2e-3, 7e-3)})
    assert rows[:3] == ["verdict not solved it is coarse", "and slow", "try a wider network"]
    assert rows[-5:-2] == [
        "estimated error of u 3.0e-03 relative L2, by defect correction; 1.5 times the true error",
        "error of u 2.00e-03 relative L2 to the exact solution, largest 7.00e-03",
        "bound of the error of u 5.0e-02 relative L2, guaranteed",
    ]
    unresolved = told(ESTIMATED | {"estimate_left": 0.9})
    assert "estimated error of u > 3.0e-03 relative L2, a lower bound: not resolved" in unresolved


def test_what_programs_read():
    trusted = Verdict(Word.TRUSTED, ("it is small",)).attributes
    found = Accuracy.of(ESTIMATED | trusted, KEPT, {"u": (2e-3, 7e-3)}).entries()
    assert (found["word"], found["reasons"], found["action"]) == ("trusted", ["it is small"], "")
    assert found["fields"]["u"] == {
        "estimated_error": 3e-3,
        "is_lower_bound": False,
        "error": 2e-3,
        "max_error": 7e-3,
        "error_bound": 5e-2,
        "effectivity": pytest.approx(1.5, rel=1e-12),
    }
    assert found["terms"]["momentum"]["residual"] == 1e-4
    exact = Accuracy.of({"estimated_relative_l2_u": 0.0, "estimate_left": 0.0}, {}, {"u": (0.0, 0.0)})
    assert exact.entries()["fields"]["u"]["effectivity"] is None
