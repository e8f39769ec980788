"""What is measured of a run, by names: a key of its history, of metrics.jsonl or of its file's attributes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Measure(Enum):
    """What is measured of each block or field by name; its value begins the keys: `held_out/momentum`, `error/u`."""

    LOSS = "loss/"  # of a block: weighted mean square at the training points
    HELD_OUT = "held_out/"  # of a block: the same on fresh points
    RESIDUAL = "residual/"  # of a block: root mean square on fresh points, whatever its weight
    IMBALANCE = "imbalance/"  # of an equation: residual on fresh points over its largest term, root mean squares
    NOISE = "noise/"  # of data: root mean square of their misfit over their noise
    ERROR = "error/"  # of a field: relative L2 error on fresh points
    RELATIVE_L2 = "relative_l2_"  # of a field on the file's nodes, a root attribute
    MAX_ERROR = "max_error_"
    ESTIMATE = "estimated_relative_l2_"  # of a field, a root attribute
    BOUND = "error_bound_"  # of a field's relative L2 error, guaranteed; a root attribute
    UNKNOWN_ERROR = "estimated_error_"  # of what is identified, in its unit, a root attribute
    STANDARD_ERROR = "standard_error_"  # of what is identified, in its unit, a root attribute
    LOWER = "interval_lower_"  # end of its interval of 95 %, a root attribute
    UPPER = "interval_upper_"
    UNKNOWN = "unknown_"  # the value of what is identified, a root attribute
    RESULT = "result_"  # the number that a functional comes to, a root attribute
    RESULT_ERROR = "error_of_result_"  # estimated, in its unit, a root attribute
    TRUE_RESULT = "true_result_"  # of the exact solution or reference, a root attribute

    def of(self, name: str) -> str:
        """The key of a block or field."""
        return self.value + name

    def entries(self, values: Mapping[str, T]) -> dict[str, T]:
        """Block or field -> value as the entries of a record."""
        return {self.of(name): value for name, value in values.items()}

    def within(self, record: Mapping[str, T]) -> dict[str, T]:
        """Block or field -> value, of the entries of this measure in a record."""
        return {self.name_in(key): value for key, value in record.items() if self.measures(key)}

    def measures(self, key: str) -> bool:
        """Whether a key is one of this measure."""
        return key.startswith(self.value)

    def name_in(self, key: str) -> str:
        """The block or field of a key of this measure."""
        return key.removeprefix(self.value)

    @property
    def total(self) -> str:
        """The key of the sum over all blocks: `loss`, `held_out`."""
        return str(self.value).rstrip("/")


@dataclass(frozen=True)
class ErrorEstimate:
    """The estimated relative L2 error of each field.

    left: share of the residual on fresh points that the correction leaves, in the linear model, of the worst window;
    where the rest of a corrected residual is not explained, of what it was before. corrections: that the solution has
    taken. fallen: its residual on fresh points over that of the trained network. trusted_until: as of `ErrorGrowth`;
    None where the estimate is a lower bound, too. way: by which it was made. unknowns: the errors of what is
    identified, each in its unit. defect: the largest residual by what its equation weighs, an error within a wave's
    length; it is not kept in files.
    """

    errors: Mapping[str, float]
    left: float
    corrections: int = 0
    fallen: float = 1.0
    trusted_until: float | None = None
    way: str = "defect correction"
    unknowns: Mapping[str, float] = field(default_factory=dict)
    defect: float = math.inf

    NOISE: ClassVar[str] = "the noise of the data"
    WAY: ClassVar[str] = "estimated_by"  # root attributes
    LEFT: ClassVar[str] = "estimate_left"
    CORRECTIONS: ClassVar[str] = "corrections"
    FALLEN: ClassVar[str] = "corrected_residual"
    TRUSTED_UNTIL: ClassVar[str] = "trusted_until"
    RESOLVED: ClassVar[float] = 0.5  # of that share, up to which the correction is believed
    ROUNDING: ClassVar[float] = 5e-10  # error below which the residual is that of rounding, which nothing explains

    @property
    def attributes(self) -> dict[str, Any]:
        """As root attributes of the solution file."""
        told: dict[str, Any] = {**Measure.ESTIMATE.entries(self.errors), self.LEFT: self.left, self.WAY: self.way}
        told |= Measure.UNKNOWN_ERROR.entries(self.unknowns)
        told |= {self.CORRECTIONS: self.corrections, self.FALLEN: self.fallen} if self.corrections else {}
        return told | ({} if self.trusted_until is None else {self.TRUSTED_UNTIL: self.trusted_until})

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> ErrorEstimate | None:
        """From root attributes; None where nothing was estimated."""
        errors = Measure.ESTIMATE.within(attributes)
        if not errors:
            return None
        corrections, fallen = int(attributes.get(cls.CORRECTIONS, 0)), float(attributes.get(cls.FALLEN, 1.0))
        until, way = attributes.get(cls.TRUSTED_UNTIL), str(attributes.get(cls.WAY, cls.way))
        unknowns = {name: float(error) for name, error in Measure.UNKNOWN_ERROR.within(attributes).items()}
        return cls(errors, float(attributes[cls.LEFT]), corrections, fallen, until, way, unknowns)

    @property
    def worst(self) -> tuple[str, float]:
        """The field with the largest error, and that."""
        return max(self.errors.items(), key=lambda item: item[1])

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Each field with its error, and what that is, for people to read."""
        kind = f"relative L2, by {self.way}" if self.is_resolved else "relative L2, a lower bound: not resolved"
        for name, error in self.errors.items():
            yield name, f"{error:.1e}" if self.is_resolved else f"> {error:.1e}", kind

    @property
    def correction(self) -> str:
        """What the corrections did, for people to read."""
        stages = "a second stage" if self.corrections == 1 else f"{self.corrections} further stages"
        return f"{stages}: the residual on fresh points is {self.fallen:.1e} of the trained network's"

    @property
    def is_resolved(self) -> bool:
        """Whether it is an estimate; else the errors are lower bounds."""
        return self.left <= self.RESOLVED or self.worst[1] < self.ROUNDING


@dataclass(frozen=True)
class ErrorGrowth:
    """The estimated relative error of each field in the course of time.

    time (k,): the middles of parts of equal length. errors: field -> (k,); NaN where nothing is known.
    """

    time: NDArray
    errors: Mapping[str, NDArray]

    TIME: ClassVar[str] = "estimate_time"  # datasets of the file's /diagnosis
    ERROR: ClassVar[str] = "estimate_by_time_"
    TRUSTED: ClassVar[float] = 0.01  # relative error

    @property
    def columns(self) -> dict[str, NDArray]:
        """For /diagnosis of the solution file."""
        return {self.TIME: self.time, **{self.ERROR + name: values for name, values in self.errors.items()}}

    @classmethod
    def of(cls, diagnosis: Mapping[str, NDArray]) -> ErrorGrowth | None:
        """From /diagnosis; None where nothing was estimated by time."""
        if cls.TIME not in diagnosis:
            return None
        errors = {name.removeprefix(cls.ERROR): v for name, v in diagnosis.items() if name.startswith(cls.ERROR)}
        return cls(diagnosis[cls.TIME], errors)

    @property
    def trusted_until(self) -> float | None:
        """The end of the last part of time up to which each field's error is at most 1 %.

        None where it is so in all parts, or not even in the first.
        """
        worst = np.max([np.nan_to_num(values) for values in self.errors.values()], axis=0)
        beyond = np.flatnonzero(worst > self.TRUSTED)
        if not beyond.size or not beyond[0]:
            return None
        return float(self.time[beyond[0] - 1] + self.time[beyond[0]]) / 2


def error_attributes(errors: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Root attributes that tell field -> `relative_l2` and `max` of its error."""
    relative = {name: error["relative_l2"] for name, error in errors.items()}
    largest = {name: error["max"] for name, error in errors.items()}
    return Measure.RELATIVE_L2.entries(relative) | Measure.MAX_ERROR.entries(largest)


def known_errors(attributes: Mapping[str, Any], fields: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Field -> relative L2 and largest error by the root attributes, of the fields whose error is known."""
    relative, largest = Measure.RELATIVE_L2.within(attributes), Measure.MAX_ERROR.within(attributes)
    return {name: (relative[name], largest[name]) for name in fields if name in relative}


def kept_measurement(history: Mapping[str, NDArray]) -> dict[str, float]:
    """What was measured with the parameters that a run keeps: at the step with the smallest held-out loss, since
    the weights changed last.

    Where time is cut into windows, the mean of the windows' entries: that of mean squares is the one over all of time,
    and so is the root mean square of residuals.
    """
    held_out = history.get(Measure.HELD_OUT.total, np.array([]))
    windows = history.get("window", np.zeros(len(held_out)))
    weighed = np.nan_to_num(history.get("weighed", np.zeros(len(held_out))))
    kept = []
    for window in np.unique(windows):
        measured = np.where(windows == window, held_out, np.nan)
        last = weighed[np.isfinite(measured)].max(initial=0.0)
        measured = np.where(weighed == last, measured, np.nan)
        if np.isfinite(measured).any():
            kept.append(int(np.nanargmin(measured)))
    numbers = {name: np.asarray(values)[kept] for name, values in history.items() if values.dtype.kind in "biuf"}
    finite = {name: values[np.isfinite(values)] for name, values in numbers.items()}
    return {
        name: float(np.sqrt((v**2).mean()) if Measure.RESIDUAL.measures(name) else v.mean())
        for name, v in finite.items()
        if len(v)
    }
