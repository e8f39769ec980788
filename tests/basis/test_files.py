"""Texts and YAML of strangers: what takes for ever, or all memory, is refused in a line."""

import time

import pytest

from pinn.basis.errors import UserError
from pinn.basis.files import read_yaml


@pytest.mark.parametrize(
    "number", ["1" + ":1" * 200_000, "1" + ":1" * 200_000 + ".5", "0x" + "f" * 5000, "!!int '1" + ":1" * 200_000 + "'"]
)
def test_numbers_without_end_are_refused(number):
    """Of base sixty they take a time that grows as their square, minutes here; others no decimal number shows."""
    started = time.process_time()
    with pytest.raises(UserError, match="a number of more than 300 digits"):
        read_yaml(f"a: {number}")
    assert time.process_time() - started < 5  # 0.1


def test_what_is_no_number_may_be_long():
    assert read_yaml(f"a: {'x' * 5000}\nb: '{'1' * 5000}'\nc: 1:30:00") == {"a": 5000 * "x", "b": 5000 * "1", "c": 5400}
