"""How a check of derivatives reads."""

import pytest

from pinn.diagnosis.findings import Comparison, DerivativeCheck


def compared(
    discrepancy: float, name: str = "u_xx", engine: str = "taylor", against: str = "reverse", where: str = "x.min"
):
    return Comparison(name, engine, against, where, discrepancy, 1e-12)


@pytest.mark.parametrize(
    ("discrepancy", "passed"),
    [(0.0, True), (1e-12, True), (1.1e-12, False), (float("nan"), False), (float("inf"), False)],
)
def test_a_comparison_passes_up_to_its_bound(discrepancy, passed):
    assert compared(discrepancy).passed is passed
    assert DerivativeCheck((compared(discrepancy),)).passed is passed


def test_the_largest_is_taken_over_regions_and_methods():
    comparisons = (compared(1e-15), compared(3e-13, where="interior"), compared(2e-13, against="differences"))
    check = DerivativeCheck((*comparisons, compared(1e-14, name="u")))
    assert check.names == ("u_xx", "u")
    assert check.largest == {"u_xx": comparisons[1], "u": compared(1e-14, name="u")}


def test_the_table_has_a_line_a_name_with_the_worst_of_its_regions():
    numbers = Comparison("u_xx", "taylor", "differences", "interior", 2e-9, 3e-8)
    check = DerivativeCheck((compared(1e-15), compared(4e-14, where="interior"), numbers, compared(0.0, name="u")))
    header, second, value, closing = str(check).splitlines()
    assert " ".join(header.split()) == "name taylor - reverse taylor - numbers reverse - numbers bound of the numbers"
    assert second.split() == ["u_xx", "4.0e-14", "2.0e-09", "-", "3e-08", "differences"]
    assert value.split() == ["u", "0.0e+00", "-", "-"]
    assert closing == "passed: 2 names; discrepancies are relative to each quantity's size"


def test_failures_name_the_quantity_the_place_and_the_engine_at_fault():
    wrong = [
        compared(0.5),
        compared(0.5, against="differences"),
        compared(1e-14, engine="reverse", against="differences"),
    ]
    lines = str(DerivativeCheck(tuple(wrong), ("a remark",), ("a reason",))).splitlines()
    assert "5.0e-01 !" in lines[1]
    assert lines[2:] == [
        "note: a remark",
        "FAILED: a reason",
        "FAILED: u_xx: taylor and reverse differ by 0.5 > 1e-12 (x.min); taylor is wrong by the numbers",
    ]


def test_a_reason_beside_the_comparisons_fails():
    assert DerivativeCheck((compared(0.0),), ("only a remark",)).passed
    assert not DerivativeCheck((compared(0.0),), failures=("a reason",)).passed
