"""Unknowns that were identified, as numbers that know how well they are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

from pinn.basis.errors import UserError, require
from pinn.solution_file.identified import with_error
from pinn.terms.curves import Curve


class Identified(float):
    """The value of an unknown: a float, with what the file's `/unknowns` tells of it.

    standard_error: in its unit, None where it is not known. correlations: with the other unknowns, by name. curve: how
    it was trained: an interval is symmetric in what was, and stays inside the bounds.
    """

    name: str
    standard_error: float | None
    correlations: Mapping[str, float]
    curve: Curve

    def __new__(cls, name: str, told: Mapping[str, float], curve: Curve) -> Identified:
        made = super().__new__(cls, told["value"])
        made.name, made.curve = name, curve
        made.standard_error = told.get("standard_error")
        prefix = "correlation_"
        made.correlations = {key.removeprefix(prefix): r for key, r in told.items() if key.startswith(prefix)}
        return made

    def __repr__(self) -> str:
        return f"<{self.name} = {with_error(float(self), self.standard_error)}>"

    def __getnewargs__(self) -> tuple[str, dict[str, float], Curve]:  # type: ignore[override]
        told = {"value": float(self)} | {f"correlation_{name}": r for name, r in self.correlations.items()}
        return (
            self.name,
            told | ({} if self.standard_error is None else {"standard_error": self.standard_error}),
            self.curve,
        )

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The ends of the interval in which it lies with that probability, as far as the linearization holds.

        Raises UserError where the standard error is not known.
        """
        require(0 < level < 1, f"level of an interval must be in (0, 1), got {level!r}")
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
