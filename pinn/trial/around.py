"""What a network sees around the holes of a domain, beside the coordinates."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add

from pinn.derivatives.jets import Values
from pinn.domains.base import Domain
from pinn.domains.cavities import Cavity

MOST = 8  # of a domain's holes, the largest


def around_holes(domain: Domain) -> tuple[Callable[[Values], list[Values]], int]:
    """Functions of coordinates x (n, d) around the domain's holes, (n,) each, and how many they are."""
    holes = sorted(domain.cavities, key=lambda hole: -hole.radius)[:MOST]

    def functions(x: Values) -> list[Values]:
        columns = {name: x[:, i] for i, name in enumerate(domain.coordinates)}
        return [column for hole in holes for column in multipoles(hole, columns)]

    return functions, sum(len(hole.center) + 1 for hole in holes)


def multipoles(hole: Cavity, columns: Mapping[str, Values]) -> list[Values]:
    """The place inverted in a hole's sphere, r (x - c) / |x - c|^2 (Kelvin's transform), and log |x - c| / r - 1.

    Smooth outside the hole, of the size of 1, and flat far from it; polynomials of the former are multipoles.
    """
    away = {name: columns[name] - c for name, c in hole.center.items()}
    square = reduce(add, (d**2 for d in away.values()))
    return [*(hole.radius * d / square for d in away.values()), 0.5 * (square / hole.radius**2).log() - 1.0]
