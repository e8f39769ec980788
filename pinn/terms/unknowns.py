"""What is to be identified beside the fields, where it is more than a number with a first guess."""

from collections.abc import Sequence

from pinn.basis.errors import require
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

    def __getnewargs_ex__(self) -> tuple[tuple, dict]:
        which = {"near": float(self)} if self.number is None else {"number": self.number}
        return (), which | {"count": self.count}
