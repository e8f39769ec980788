"""What is known of a field before any data: that it is smooth."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import factorial

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.sampling.given import DataRegion
from pinn.sampling.sequences import SobolSampler
from pinn.terms.base import Equation, Term, by_component

PLACES = 400  # in the domain, where a field is asked for its derivatives
LITTLE = 1e-3  # of the weight of an observation's noise: until the data have told how smooth the field is


class Smoothness(Term):
    """A field that data identify is smooth, as far as they leave it open: `Smoothness("a")`.

    A Gaussian process's prior: all derivatives of an order are normal and small, and how small is found by the evidence
    of the data, which need their noise to be told (`pinn.training.evidence`): a field that varies much is held little.
    It takes part in the field's band as an observation does, which is wide where data say nothing.

    field: its name. order: of the derivatives, 1 or 2. along: coordinates, by default those of space; each is measured
    by half its interval in the domain.
    """

    is_prior = True
    by_evidence = True
    weight = LITTLE

    def __init__(self, field: str, *, order: int = 2, along: str | Sequence[str] | None = None) -> None:
        require(isinstance(field, str), f'Smoothness takes the name of a field, Smoothness("a"), got {field!r}')
        require(order in (1, 2), f"order of a Smoothness must be 1 or 2, got {order!r}")
        self.field = field
        self.order = order
        self.along = (along,) if isinstance(along, str) else along
        self._halves: dict[str, float] = {}

    def settled(self, domain: Domain) -> "Smoothness":
        along = tuple(domain.space_coordinates or domain.coordinates) if self.along is None else tuple(self.along)
        unknown = [name for name in along if name not in domain.coordinates]
        told = f"along of a Smoothness must name some of the coordinates {', '.join(domain.coordinates)}, got {along}"
        require(bool(along) and not unknown, told)
        settled = Smoothness(self.field, order=self.order, along=along)
        settled._halves = {name: 0.5 * (upper - lower) for name, (lower, upper) in domain.bounds.items()}
        return settled

    def region(self, domain: Domain) -> Region:
        places = SobolSampler(interior=PLACES, boundary=1).draw(domain, Region(), torch.Generator().manual_seed(0))
        return DataRegion(x=places.x)

    def equations(self) -> dict[str, Equation]:
        return by_component({"".join(names): self._derivative(names) for names in self._combinations()})

    def _combinations(self) -> list[tuple[str, ...]]:
        return list(combinations_with_replacement(self.along or (), self.order))

    def _derivative(self, names: tuple[str, ...]) -> Equation:
        """The derivative along these coordinates, so that the sum of squares does not depend on their directions."""
        scale = 1.0
        for name in names:
            scale *= self._halves[name]
        times = factorial(len(names))
        for name in set(names):
            times //= factorial(names.count(name))
        scale *= times**0.5

        def smooth(derivative: Tensor) -> Tensor:
            return scale * derivative

        return Equation(smooth, (f"{self.field}_{''.join(names)}",), f"smoothness of {self.field}")
