"""Unknowns that were identified, as numbers that know how well they are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.solution_file.identified import unknown_attributes, with_error
from pinn.solution_file.sampled import samples_in
from pinn.terms.curves import Curve


class Identified(float):
    """The value of an unknown: a float, with what the file's `/unknowns` tells of it.

    standard_error: in its unit, None where it is not known. correlations: with the other unknowns, by name. curve: how
    it was trained: an interval is symmetric in what was, and stays inside the bounds. samples (n,): of its posterior,
    where these were asked for; intervals are then theirs.
    """

    name: str
    standard_error: float | None
    correlations: Mapping[str, float]
    curve: Curve
    samples: NDArray | None

    def __new__(cls, name: str, told: Mapping[str, float], curve: Curve, samples: NDArray | None = None) -> Identified:
        made = super().__new__(cls, told["value"])
        made.name, made.curve, made.samples = name, curve, samples
        made.standard_error = told.get("standard_error")
        prefix = "correlation_"
        made.correlations = {key.removeprefix(prefix): r for key, r in told.items() if key.startswith(prefix)}
        return made

    def __repr__(self) -> str:
        return f"<{self.name} = {with_error(float(self), self.standard_error)}>"

    def __getnewargs__(self) -> tuple[str, dict[str, float], Curve, NDArray | None]:  # type: ignore[override]
        told = {"value": float(self)} | {f"correlation_{name}": r for name, r in self.correlations.items()}
        return (
            self.name,
            told | ({} if self.standard_error is None else {"standard_error": self.standard_error}),
            self.curve,
            self.samples,
        )

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The ends of the interval in which it lies with that probability: by samples, else by the linearization.

        Raises UserError where the standard error is not known.
        """
        require(0 < level < 1, f"level of an interval must be in (0, 1), got {level!r}")
        if self.samples is not None:
            lower, upper = np.quantile(self.samples, ((1 - level) / 2, (1 + level) / 2))
            return float(lower), float(upper)
        if self.standard_error is None:
            raise UserError(
                f"the standard error of {self.name} is not known: the run's log says why; it takes data, best with "
                "their noise (pinn.Data(..., noise=...)), and output.estimate=true"
            )
        z = self.curve.trained(float(self))
        slope = self.curve.slope(z)
        if slope == 0.0 or not math.isfinite(z):
            ends = self.curve.lowest, self.curve.highest
            lower, upper = (-math.inf if ends[0] is None else ends[0]), (math.inf if ends[1] is None else ends[1])
            return lower, upper
        return self.curve.between(z, NormalDist().inv_cdf((1 + level) / 2) * self.standard_error / abs(slope))


def identified(
    attributes: Mapping[str, Any], diagnosis: Mapping[str, NDArray], curves: Mapping[str, Curve]
) -> dict[str, Identified]:
    """Unknown -> its value and what is known of it, from root attributes and /diagnosis of a solution."""
    drawn, each = samples_in(diagnosis), unknown_attributes(attributes)
    return {name: Identified(name, told, curves[name], drawn.get(name)) for name, told in each.items()}
