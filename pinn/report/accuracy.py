"""How far a run's answer can be trusted, with all its numbers: the same rows wherever a run is told of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pinn.diagnosis.verdict import Verdict, verdict_of
from pinn.solution_file.measured import ErrorEstimate, Measure

Row = tuple[str, str, str]  # what it is, its value, and what is to be known of it


@dataclass(frozen=True)
class Residual:
    """What a term leaves: root mean squares on fresh points and on the training points.

    share: of the loss on fresh points, in percent. imbalance: over the equation's largest addend. is_misfit: over the
    noise of data. is_weighted: as in the loss, of files that keep nothing else.
    """

    term: str
    fresh: float
    training: float | None
    share: float
    imbalance: float | None = None
    is_misfit: bool = False
    is_weighted: bool = False

    @property
    def row(self) -> Row:
        """For people to read."""
        told = "root mean square on fresh points" + (", weighted" if self.is_weighted else "")
        if self.is_misfit:
            return f"misfit of {self.term}", f"{self.fresh:.2e}", f"{told}, over the noise"
        told += f"; {self.imbalance:.2g} of the largest addend" if self.imbalance is not None else ""
        return f"residual of {self.term}", f"{self.fresh:.2e}", told


@dataclass(frozen=True)
class Accuracy:
    """A run's verdict with the numbers behind it.

    errors: field -> true relative L2 and largest error. against: what they are errors to. bounds: field -> what its
    error is below.
    """

    verdict: Verdict
    estimate: ErrorEstimate | None
    errors: Mapping[str, tuple[float, float]]
    against: str
    bounds: Mapping[str, float]
    residuals: tuple[Residual, ...]

    @classmethod
    def of(
        cls, attributes: Mapping[str, Any], kept: Mapping[str, float], errors: Mapping[str, tuple[float, float]]
    ) -> Accuracy:
        """From root attributes, what was measured with the parameters that the run kept, and true errors."""
        against = "exact solution" if attributes.get("truth") == "exact" else "reference"
        bounds = Measure.BOUND.within(attributes)
        estimate = ErrorEstimate.of(attributes)
        return cls(verdict_of(attributes, kept), estimate, errors, against, bounds, tuple(residuals(kept)))

    @property
    def effectivities(self) -> dict[str, float]:
        """Field -> estimated over true error, where both are known."""
        estimated = self.estimate.errors if self.estimate else {}
        return {name: e / self.errors[name][0] for name, e in estimated.items() if self.errors.get(name, (0.0,))[0] > 0}

    @property
    def residual(self) -> float | None:
        """What all terms leave on fresh points: the root of the sum of their mean squares; None where not measured."""
        return math.hypot(*(term.fresh for term in self.residuals)) if self.residuals else None

    def estimated(self) -> Iterator[Row]:
        """The estimated error of each field."""
        for name, value, kind in self.estimate.rows() if self.estimate else ():
            effectivity = self.effectivities.get(name)
            yield name, value, kind if effectivity is None else f"{kind}; {effectivity:.2g} times the true error"

    def known(self) -> Iterator[Row]:
        """The true error of each field."""
        for name, (relative, largest) in self.errors.items():
            yield name, f"{relative:.2e}", f"relative L2 to the {self.against}, largest {largest:.2e}"

    def rows(self) -> Iterator[Row]:
        """Verdict, errors and residuals, for people to read."""
        first, *others = self.verdict.reasons or ("nothing was measured",)
        yield "verdict", self.verdict.word.value, first
        yield from (("", "", reason) for reason in others)
        if self.verdict.action:
            yield "try", "", self.verdict.action
        yield from ((f"estimated error of {name}", value, note) for name, value, note in self.estimated())
        if self.estimate and self.estimate.corrections:
            yield "corrected", str(self.estimate.corrections), self.estimate.correction
        yield from ((f"error of {name}", value, note) for name, value, note in self.known())
        for name, bound in self.bounds.items():
            yield f"bound of the error of {name}", f"{bound:.1e}", "relative L2, guaranteed"
        yield from (residual.row for residual in self.residuals)

    def entries(self) -> dict[str, Any]:
        """For programs to read: plain values by name."""
        estimated = self.estimate.errors if self.estimate else {}
        fields = {
            name: {
                "estimated_error": estimated.get(name),
                "is_lower_bound": not self.estimate.is_resolved if self.estimate else None,
                "error": self.errors.get(name, (None, None))[0],
                "max_error": self.errors.get(name, (None, None))[1],
                "error_bound": self.bounds.get(name),
                "effectivity": self.effectivities.get(name),
            }
            for name in dict.fromkeys((*estimated, *self.errors, *self.bounds))
        }
        terms = {
            residual.term: {
                "residual": residual.fresh,
                "of_largest_addend": residual.imbalance,
                "is_over_noise": residual.is_misfit,
                "is_weighted": residual.is_weighted,
            }
            for residual in self.residuals
        }
        told = self.verdict
        verdict = {"word": told.word.value, "reasons": list(told.reasons), "action": told.action}
        return verdict | {"fields": fields, "terms": terms}


def residuals(kept: Mapping[str, float]) -> Iterator[Residual]:
    """The terms' residuals with the parameters that the run kept; old files keep only what the loss weighs."""
    weighted, training, plain = (kind.within(kept) for kind in (Measure.HELD_OUT, Measure.LOSS, Measure.RESIDUAL))
    imbalances, noise = Measure.IMBALANCE.within(kept), Measure.NOISE.within(kept)
    total = sum(weighted.values()) or 1.0
    for name, value in weighted.items():
        root = math.sqrt(value)
        fresh = plain.get(name, noise.get(name, root))
        scale = fresh / root if root > 0 else 1.0  # 1 / sqrt(weight)
        yield Residual(
            name,
            fresh,
            scale * math.sqrt(training[name]) if name in training else None,
            100 * value / total,
            imbalances.get(name),
            is_misfit=name in noise,
            is_weighted=name not in plain and name not in noise,
        )
