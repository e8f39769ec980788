"""What is to be identified beside the fields, where it is more than a number with a first guess."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from pinn.basis.configurable import Configurable, import_path
from pinn.basis.errors import require
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.sampling.given import DataRegion
from pinn.terms.base import Equation, Term
from pinn.terms.curves import Curve
from pinn.terms.integrals import Norm

SAME = 1e-5  # distance of eigenvalues that are one, by their magnitude


def equal(values: Sequence[float], value: float) -> list[float]:
    """Those of some eigenvalues that are the same: as many as it has independent functions."""
    size = max(abs(value), min((abs(other) for other in values if other != 0.0), default=1.0))
    return [other for other in values if abs(other - value) <= SAME * size]


class Eigenvalue(float):
    """An unknown that is an eigenvalue: `unknowns = {"E": Eigenvalue(number=2)}`, of homogeneous linear equations.

    number: which one, 1 for the first, counted from the end at which the spectrum begins: the lowest, unless there is
    none. near: the one nearest to a number instead. Each of a multiple eigenvalue counts. It is that number, or zero,
    wherever a first guess is asked for. count: as many from that one on are in the solution, with their functions;
    those of one eigenvalue are orthogonal. A problem without a norm of its own gets one: the integral over space of
    the sum of the fields' squares is one.
    """

    number: int | None
    count: int
    norm = Norm  # of the fields, where a problem has none

    def __new__(cls, *, number: int | None = None, near: float | None = None, count: int = 1) -> "Eigenvalue":
        require(number is None or near is None, "an eigenvalue is told by number= or by near=, got both")
        number = 1 if number is None and near is None else number
        for name, given in (("number", number), ("count", count)):
            whole = given is None or (isinstance(given, int) and not isinstance(given, bool) and given >= 1)
            require(whole, f"{name} of an eigenvalue must be an integer >= 1, got {given!r}")
        made = super().__new__(cls, 0.0 if near is None else near)
        made.number, made.count = number, count
        return made

    def __repr__(self) -> str:
        told = f"near={float(self):g}" if self.number is None else f"number={self.number}"
        return f"Eigenvalue({told}{f', count={self.count}' if self.count > 1 else ''})"

    @property
    def configuration(self) -> dict[str, Any]:
        """As plain data, by which a file rebuilds it where it is an argument of a problem."""
        return {"_target_": import_path(type(self))} | self.__getnewargs_ex__()[1]

    def __getnewargs_ex__(self) -> tuple[tuple, dict]:
        which = {"near": float(self)} if self.number is None else {"number": self.number}
        return (), which | {"count": self.count}


@dataclass(frozen=True)
class Normal(Configurable):
    """A normal distribution: what is known of an unknown before any data. mean: in its unit; sd: > 0."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        numbers = f"mean={self.mean!r}, sd={self.sd!r}"
        require(all(is_number(value) for value in (self.mean, self.sd)), f"Normal needs two numbers, got {numbers}")
        require(self.sd > 0, f"sd of a Normal must be > 0, got {numbers}")


SCALES = ("linear", "log")


class Unknown(float):
    """An unknown that is identified from data: `unknowns = {"nu": Unknown(0.1, positive=True)}`. It is its first guess.

    start: the first guess. positive: it stays above zero. bounds: (lowest, highest), either None, between which it
    stays. prior: a `Normal` that it is drawn from: one more observation, of the noise `sd`; data need their noise to
    be weighed against it. scale: `log` steps by ratios, for what is known to its order of magnitude only, and positive.

    curve: how it is trained. Raises UserError for a start that is not inside.
    """

    curve: Curve
    prior: Normal | None

    def __new__(
        cls,
        start: float,
        *,
        positive: bool = False,
        bounds: tuple[float | None, float | None] | None = None,
        prior: Normal | None = None,
        scale: str = "linear",
    ) -> "Unknown":
        require(is_number(start), f"start of an unknown must be a finite number, got {start!r}")
        require(scale in SCALES, f"scale of an unknown must be one of {', '.join(SCALES)}, got {scale!r}")
        told = f"prior of an unknown must be a pinn.Normal(mean, sd) or None, got {prior!r}"
        require(prior is None or isinstance(prior, Normal), told)
        made, is_log = super().__new__(cls, start), scale == "log"
        made.curve = Curve(float(start), *_checked(start, positive or is_log, bounds), log=is_log)
        made.prior = prior
        return made

    def __repr__(self) -> str:
        told = [f"{float(self):g}"]
        told += [] if self.bounds == (None, None) else [f"bounds={self.bounds}"]
        told += [f"prior={self.prior}"] if self.prior else []
        return f"Unknown({', '.join([*told, f'scale={self.scale!r}'])})"

    def __getnewargs_ex__(self) -> tuple[tuple, dict]:
        return (float(self),), {"bounds": self.bounds, "prior": self.prior, "scale": self.scale}

    @property
    def configuration(self) -> dict[str, Any]:
        """As plain data, by which a file rebuilds it where it is an argument of a problem."""
        told = {"start": float(self), "bounds": list(self.bounds), "scale": self.scale}
        prior = {} if self.prior is None else {"prior": self.prior.configuration}
        return {"_target_": import_path(type(self))} | told | prior

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        return self.curve.lowest, self.curve.highest

    @property
    def scale(self) -> str:
        return "log" if self.curve.log else "linear"

    def terms(self, name: str, observations: int) -> dict[str, Term]:
        """What is known of it before any data, as a term, under the name that it has in a problem of so many data."""
        return {} if self.prior is None else {f"prior of {name}": Prior(name, self.prior, observations)}


def _checked(start: float, positive: bool, bounds: Any) -> tuple[float | None, float | None]:
    """The bounds; raises UserError where they are none, or the start is not inside."""
    told = f"bounds of an unknown must be (lowest, highest), either a number or None, got {bounds!r}"
    given = (None, None) if bounds is None else bounds
    require(isinstance(given, (tuple, list)) and len(given) == 2, told)
    require(all(end is None or is_number(end) for end in given), told)
    lowest, highest = (None if end is None else float(end) for end in given)
    if positive:
        lowest = 0.0 if lowest is None else max(lowest, 0.0)
    if lowest is not None and highest is not None:
        require(lowest < highest, f"bounds of an unknown must be lowest < highest, got ({lowest:g}, {highest:g})")
    inside = (lowest is None or lowest < start) and (highest is None or start < highest)
    ends = f"{'-inf' if lowest is None else f'{lowest:g}'}, {'inf' if highest is None else f'{highest:g}'}"
    require(inside, f"start of an unknown must lie inside ({ends}), got {float(start):g}; start it elsewhere")
    return lowest, highest


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


class Prior(Term):
    """What is known of an unknown before any data, as one observation of it.

    observations: how many there are in the data; the loss has their mean square, of which this is one part.
    """

    is_prior = True

    def __init__(self, name: str, normal: Normal, observations: int) -> None:
        self.name = name
        self.normal = normal
        self.weight = 1.0 / max(observations, 1)

    def region(self, domain: Domain) -> Region:
        middle = [0.5 * (lower + upper) for lower, upper in domain.bounds.values()]
        return DataRegion(x=torch.tensor([middle], dtype=torch.float64))

    def equations(self) -> dict[str, Equation]:
        return {"": Equation(self._deviation, (self.name,), f"prior of {self.name}")}

    def _deviation(self, value: Tensor) -> Tensor:
        return (value - self.normal.mean) / self.normal.sd


UNKNOWNS = (Unknown, Eigenvalue, Normal)  # that a problem may be given
