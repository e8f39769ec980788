"""Where a search of feature scales starts."""

import math

from pinn.training.feature_starts import FARTHEST, FEW, MARGIN, Start, Waves, starts


def test_data_without_higher_waves_leave_the_networks_own_scale_alone():
    assert starts(8.0, [Waves(6.0, (6.0,)), None]) == ([Start((0.0, 0.0))], [])


def test_higher_waves_are_covered_with_a_margin_and_others_are_few():
    (own, highest, few), around_lines = starts(8.0, [Waves(32.0), None, Waves(4.0)])
    power = math.log2(4.0 * MARGIN)
    assert own == Start((0.0, 0.0, 0.0))
    assert highest == Start((power, 0.0, math.log2(0.5 * MARGIN)))
    assert few == Start((power, FEW, FEW))
    assert not around_lines


def test_powers_stay_in_the_range_of_the_search():
    assert starts(1.0, [Waves(1e9)])[0][1] == Start((FARTHEST,))


def test_bands_are_at_lines_of_either_sign_with_and_without_one_at_zero():
    """Of two centers that differ in all signs one is enough: sin(k x + b) is either's."""
    _, (narrow, with_zero) = starts(8.0, [Waves(32.0, (32.0,)), Waves(16.0, (4.0, 16.0))])
    assert narrow.powers == (-1.0, -1.0)
    assert narrow.centers == ((32.0, 16.0), (32.0, -16.0))
    assert set(with_zero.centers) == {(0.0, 0.0), (0.0, 16.0), (32.0, 0.0), (32.0, 16.0), (32.0, -16.0)}


def test_too_many_centers_are_not_offered():
    waves = [Waves(32.0, (16.0, 32.0))] * 3  # 4^3 / 2 centers
    assert starts(8.0, waves)[1] == []
