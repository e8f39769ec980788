"""Lengths of windows: chosen by their defects alone, here those of a model in place of a solver."""

import pytest

from pinn.training.cutting import Cutting

PLENTY = 1e9  # seconds


def march(defect, *, begin=0.0, end=100.0, tolerance=1e-8, tolerable=1e-2, seconds=1.0, limit=PLENTY):
    """The windows' ends and the number of attempts; defect: of a window from start to end. seconds: of an attempt."""
    cutting, ends, attempts, spent = Cutting(begin, end, tolerance, tolerable, 1e-13), [begin], 0, 0.0
    while ends[-1] < end:
        attempts, spent = attempts + 1, spent + seconds
        assert attempts < 200
        stop = cutting.next_end(ends[-1])
        if cutting.judge(ends[-1], stop, defect(ends[-1], stop), seconds, limit - spent):
            ends.append(stop)
    return ends[1:], attempts


def started(defect):
    """The lengths that are tried until the first window is taken, and what chose them; defect: of a length."""
    cutting, attempts = Cutting(0.0, 1.0, 1e-8, 1e-2, 1e-3), []
    while True:
        attempts.append(cutting.next_end(0.0))
        if cutting.judge(0.0, attempts[-1], defect(attempts[-1]), 1.0, PLENTY):
            return cutting, attempts


@pytest.mark.parametrize("power", [6.0, 10.0, 16.0])  # of its length, with which a window's defect grows
def test_windows_are_as_long_as_they_are_solved(power):
    ends, attempts = march(lambda a, b: 1e-8 * ((b - a) / 3.0) ** power)
    lengths = [b - a for a, b in zip([0.0, *ends], ends, strict=False)]
    assert max(lengths) <= 3.0
    assert len(ends) < 1.5 * 100.0 / 3.0  # of the fewest that are possible
    assert attempts < 1.5 * len(ends)


def test_a_fast_start_of_a_long_time_gets_short_windows():
    """A transient of length 1e-6 before time 1e5."""
    ends, attempts = march(lambda a, b: 1e-8 * ((b - a) / (1e-6 + 0.5 * a)) ** 10, end=1e5)
    assert ends[0] <= 1e-6
    assert ends[-1] == 1e5
    assert attempts < 120  # half of them are for as many halvings of the distance to the start


def test_where_shorter_windows_gain_nothing_they_are_not_asked_for():
    """What is left comes from space: 1e-4, whatever the length."""
    ends, attempts = march(lambda a, b: 1e-4 + ((b - a) / 100.0) ** 4)
    assert attempts < 3 * len(ends)
    assert len(ends) < 20


def test_a_window_that_is_not_solved_at_all_is_not_taken():
    ends, _ = march(lambda a, b: 0.3 if b - a > 1e-3 else 1e-9, end=0.02)
    assert ends[0] <= 1e-3


def test_a_short_time_is_shared_by_longer_windows():
    """A hundred attempts of a second do not fit into forty: they are made a third as exact as would be best."""
    exact = march(lambda a, b: 1e-8 * (b - a) ** 10)
    hasty = march(lambda a, b: 1e-8 * (b - a) ** 10, limit=60.0)
    assert len(hasty[0]) < 0.7 * len(exact[0])


def test_a_time_that_suffices_is_not_saved():
    """Of windows of length 1, of which each takes one attempt, one and a half times as many seconds are enough."""
    ends, attempts = march(lambda a, b: 1e-8 * (b - a) ** 10, limit=200.0)
    lengths = [b - a for a, b in zip([0.0, *ends], ends, strict=False)]
    assert attempts < 150
    assert max(lengths[20:]) <= 1.0  # the tolerance is kept once it is known how many attempts windows take


def test_a_start_that_is_not_solved_however_short_is_passed(caplog):
    """As of conditions that disagree in a corner: the shortest is taken; its loss bounds what later ones may lose."""
    cutting, attempts = started(lambda length: 0.04 * length**-0.2)
    stop = attempts[-1]
    assert len(attempts) < 12
    assert stop == min(attempts) <= 1e-3
    assert cutting.lost == pytest.approx(0.04 * stop**0.8)
    assert cutting.judge(stop, 3.0 * stop, 0.03, 1.0, PLENTY)
    assert not cutting.judge(3.0 * stop, 0.5, 0.03, 1.0, PLENTY)


def test_a_start_that_is_not_solved_at_all_is_passed_in_the_end(caplog):
    """Equations that hold nowhere lose all of a window, however short."""
    _, attempts = started(lambda length: 40.0 * length**-0.2)
    stop = attempts[-1]
    assert len(attempts) < 12
    assert stop == min(length for length in attempts if length**-0.2 <= 3.0)
    assert "none that was tried from 0 on is solved" in caplog.text


def test_before_less_is_asked_for_other_scales_are():
    """Where the time does not suffice; windows that look for scales cost no more than that."""
    cutting = Cutting(0.0, 100.0, 1e-8, 1e-2, 1e-3, length=1.0, searches=3, growing=False)
    assert not cutting.judge(0.0, 1.0, 1e-6, 1.0, 60.0)
    assert cutting.searching and cutting.next_end(0.0) == 1.0
    assert cutting.judge(0.0, 1.0, 1e-6, 1.0, 60.0)
    assert not cutting.searching


def test_no_short_piece_is_left_for_the_last_window():
    ends, _ = march(lambda a, b: 1e-9 if b - a <= 3.3 else 1.0, end=10.0)
    assert ends[-1] - ends[-2] > 1.0


def test_a_state_goes_on_where_it_stood():
    cutting = Cutting(0.0, 1.0, 1e-8, 1e-2, 1e-13)
    cutting.judge(0.0, 1.0, 1e-3, 1.0, PLENTY)
    again = Cutting(**cutting.state())
    assert again == cutting
    assert again.next_end(0.0) < 0.7
