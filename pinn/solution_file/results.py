"""What a solution comes to beside its fields: numbers, and numbers along a coordinate, with what is known of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pinn.solution_file.dimensions import set_attributes
from pinn.solution_file.identified import with_error
from pinn.solution_file.measured import Measure

Row = tuple[str, str, str]

GROUP = "results"
VALUES, PLACES, ERRORS, TRUTH, PARTS = "values", "places", "errors", "truth", "parts"  # arrays of a result's group
SHOWN = 1e-8  # of a number, which is shown to so many digits
NUMBER, ERROR, TRUE, UNIT, ALONG = "value", "estimated_error", "true_value", "units", "along"  # its attributes


@dataclass(frozen=True)
class Result:
    """What a functional comes to: values (n,) along a coordinate, n = 1 where `along` is empty.

    number: the one that stands for all, None for none; how: which that is, in words. error: estimated, of the number,
    in its unit, None where nothing is estimated; errors (n,): of each value; is_lower_bound: whether they are lower
    bounds. quadrature: by how much half its nodes change the number. true: the number of the exact solution or
    reference; truth (n,): its values. parts: (n,) by name, such as what a balance is made of, where a maximum is.
    """

    values: NDArray[np.float64]
    number: float | None
    how: str = ""
    unit: str = ""
    along: str = ""
    places: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    error: float | None = None
    errors: NDArray[np.float64] | None = None
    is_lower_bound: bool = False
    quadrature: float = 0.0
    true: float | None = None
    truth: NDArray[np.float64] | None = None
    parts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __float__(self) -> float:
        return math.nan if self.number is None else self.number

    def __repr__(self) -> str:
        return f"<{' '.join(filter(None, (self.text, self.unit, self.how)))}>"

    @property
    def text(self) -> str:
        """The number with its error, for people to read."""
        if self.number is None:
            return f"{np.nanmin(self.values):.4g} to {np.nanmax(self.values):.4g}"
        if not self._has_bar:
            digits = 4 if self.is_lower_bound else 6 if self.error is None else 8
            return f"{self.number:.{digits}g}"
        return with_error(self.number, self.error)

    @property
    def _has_bar(self) -> bool:
        """Whether its error is told beside it: no lower bound, and within the digits that are shown."""
        return not self.is_lower_bound and (self.error or 0.0) > SHOWN * abs(float(self))

    @property
    def entries(self) -> dict[str, Any]:
        """For programs to read: plain values by name."""
        told = {"value": self.number, "estimated_error": self.error, "true_value": self.true, "unit": self.unit}
        return told | {"is_lower_bound": self.is_lower_bound, "how": self.how}

    def row(self, name: str) -> Row:
        """Name, number with its error, and what is to be known of it."""
        return f"{name} ({self.unit})" if self.unit else name, self.text, ", ".join(self._notes())

    def _notes(self) -> Iterator[str]:
        if self.how:
            yield self.how
        if self.along and self.number is None:
            yield f"along {self.along}"
        if self.number is None:
            return
        if self.along:
            yield f"from {np.nanmin(self.values):.4g} to {np.nanmax(self.values):.4g}"
        else:
            yield from (f"{part} = {values[0]:.3g}" for part, values in self.parts.items() if values[0])
        if self.error and not self._has_bar:
            yield f"estimated error {self.error:.1e}" + (" or more" if self.is_lower_bound else "")
        if self.true is not None:
            yield f"true value {self.true:.6g}, off by {abs(self.number - self.true):.1e}"


def result_rows(results: Mapping[str, Result]) -> Iterator[Row]:
    """Each result, for people to read."""
    for name, result in results.items():
        yield result.row(name)


def result_attributes(results: Mapping[str, Result]) -> dict[str, float]:
    """The numbers as root attributes, by which tables know them."""
    told: dict[str, float] = {}
    for measure, member in ((Measure.RESULT, "number"), (Measure.RESULT_ERROR, "error"), (Measure.TRUE_RESULT, "true")):
        known = {name: getattr(result, member) for name, result in results.items() if result.number is not None}
        told |= measure.entries({name: value for name, value in known.items() if value is not None})
    return told


def write_results(file: h5py.File, results: Mapping[str, Result]) -> None:
    """A group each, with its number as attributes; a number alone has one value, others their places."""
    if results:
        file.create_group(GROUP, track_order=True)  # in the problem's order
    for name, result in results.items():
        group = file.create_group(f"{GROUP}/{name}")
        axis = group.create_dataset(PLACES, data=result.places if result.along else np.zeros(1))
        axis.make_scale(PLACES)
        set_attributes(axis, {"long_name": result.along or None})
        arrays = {VALUES: result.values, ERRORS: result.errors, TRUTH: result.truth}
        arrays |= {f"{PARTS}/{part}": values for part, values in result.parts.items()}
        for key, values in arrays.items():
            if values is not None:
                dataset = group.create_dataset(key, data=np.asarray(values, dtype=np.float64))
                dataset.dims[0].attach_scale(axis)
                set_attributes(dataset, {UNIT: result.unit or "1"} if "/" not in key else {})
        set_attributes(group, {ALONG: result.along or None, "how": result.how or None, UNIT: result.unit or None})
        set_attributes(group, {NUMBER: result.number, ERROR: result.error, TRUE: result.true})
        set_attributes(group, {"is_lower_bound": result.is_lower_bound})


def read_results(file: h5py.File) -> dict[str, Result]:
    """What a file holds of them; empty where it has none."""
    return {name: _read(group) for name, group in file[GROUP].items()} if GROUP in file else {}


def _read(group: h5py.Group) -> Result:
    told: Mapping[str, Any] = group.attrs
    along = str(told.get(ALONG, ""))
    number, error, true = (float(told[key]) if key in told else None for key in (NUMBER, ERROR, TRUE))
    return Result(
        group[VALUES][()],
        number,
        str(told.get("how", "")),
        str(told.get(UNIT, "")),
        along,
        group[PLACES][()] if along else np.zeros(0),
        error,
        group[ERRORS][()] if ERRORS in group else None,
        bool(told.get("is_lower_bound", False)),
        true=true,
        truth=group[TRUTH][()] if TRUTH in group else None,
        parts={name: dataset[()] for name, dataset in group[PARTS].items()} if PARTS in group else {},
    )
