"""What is told of unknowns that were identified: values with their standard errors, from a file's root attributes."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pinn.solution_file.measured import Measure
from pinn.solution_file.sampled import LOWER, UPPER, interval, sampled_note

IDENTIFIED_BY, CORRELATIONS = "identified_by", "correlations"  # root attributes: text; (k * k) numbers
MOST_DIGITS = 8  # of a value in a table
TWO_SIDED = 1.959964  # standard errors to either side of an interval of 95 %


def with_error(value: float, error: float | None) -> str:
    """`0.00318 ± 0.00002`: digits as the error leaves them, with one of its own, or two where it begins with a 1.

    Where that were more than people read, `1.2345679 ± 3e-15`.
    """
    if error is None or not 0 < error < math.inf or not math.isfinite(value):
        return f"{value:.6g}"
    exponent = math.floor(math.log10(error))
    exponent -= error < 2 * 10**exponent
    size = max(abs(value), error)
    if size > error * 10**MOST_DIGITS:
        return f"{value:.{MOST_DIGITS}g} ± {error:.0e}"
    if not 1e-4 <= size < 1e6:  # both in units of one power of ten
        power = math.floor(math.log10(size))
        digits = max(power - exponent, 0)
        return f"({value / 10**power:.{digits}f} ± {error / 10**power:.{digits}f})e{power}"
    digits = max(-exponent, 0)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def identified_rows(attributes: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each unknown, its value with its error, and what is to be known of that."""
    errors = Measure.STANDARD_ERROR.within(attributes)
    lower, upper = Measure.LOWER.within(attributes), Measure.UPPER.within(attributes)
    numerical = Measure.UNKNOWN_ERROR.within(attributes)
    for name, value in Measure.UNKNOWN.within(attributes).items():
        if name in errors:
            ends = f"95 % in {interval(lower[name], upper[name])}"
            sampled = sampled_note(name, (lower[name], upper[name]), attributes)
            note = f"identified, {ends}, {attributes.get(IDENTIFIED_BY, '')}{sampled}"
            yield name, with_error(value, errors[name]), note
        elif name in numerical:
            yield name, f"{value:.10g}", f"identified, estimated error {numerical[name]:.1g}"
        else:
            yield name, f"{value:.6g}", "identified"


def unknown_attributes(attributes: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Unknown -> `value`, and where known `standard_error`, `lower`, `upper`, each `correlation_<other>`, and by
    samples `sampled_lower` and `sampled_upper`.
    """
    values = Measure.UNKNOWN.within(attributes)
    told: dict[str, dict[str, float]] = {name: {"value": float(value)} for name, value in values.items()}
    names = list(Measure.STANDARD_ERROR.within(attributes))
    for key, measure in (
        ("standard_error", Measure.STANDARD_ERROR),
        ("lower", Measure.LOWER),
        ("upper", Measure.UPPER),
    ):
        for name, value in measure.within(attributes).items():
            told[name][key] = float(value)
    for key, prefix in (("sampled_lower", LOWER), ("sampled_upper", UPPER)):
        for name in told:
            told[name] |= {key: float(attributes[prefix + name])} if prefix + name in attributes else {}
    numbers = list(attributes.get(CORRELATIONS, ()))
    for row, name in enumerate(names):
        for column, other in enumerate(names):
            if other != name and len(numbers) == len(names) ** 2:
                told[name][f"correlation_{other}"] = float(numbers[row * len(names) + column])
    return told
