"""What flows in and out, is stored and produced: whether a solution keeps what its equation keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinn.basis.errors import require
from pinn.derivatives.names import Vocabulary
from pinn.domains.base import Domain
from pinn.functionals.base import MOMENTS, Evaluate, Functional, Quantity, Reading, names_of, values_of
from pinn.functionals.integrals import Total, check_components, nodes_at, outward
from pinn.sampling.given import WEIGHT
from pinn.sampling.points import Points
from pinn.terms.base import required

FEW = 21  # times at which a balance of two or three coordinates of space is taken: each takes thousands of places
FAINT = 0.1  # of sizes without sign or direction, beside which what flows through closed walls is small


class Balance(Functional):
    """How far  d/dt (content) + div(flux) = source  fails as a whole: `Balance(x="u", y="v")` of mass.

    The integrals of the three over space: what is stored, what flows out, what is produced; their imbalance is told by
    the largest of them, or where that is more by what the content differs by over all of time, or by a tenth of what is
    stored, flows and is produced without sign, which does not vanish where all three do. Above one per cent, 0.01, a
    run's verdict says so.
    content: what is stored, the name of a field or a derived quantity; None where nothing is. source: what is produced,
    a name or a function. at: as of `Functional`. Components of the flux by coordinate: names or functions.
    """

    said = "of the largest flow"
    is_compared = False  # it is zero

    def __init__(
        self,
        content: str | None = None,
        source: Quantity | None = None,
        *,
        at: Mapping[str, float] | None = None,
        **flux: Quantity,
    ) -> None:
        required(flux, 'Balance(x="u", y="v")')
        super().__init__(at, "", number=largest)
        self.content = content
        self.source = source
        self.flux = flux

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (*self.flux.values(), *([self.source] if self.source is not None else []))

    def check(self, domain: Domain, vocabulary: Vocabulary, where: str) -> None:
        check_components(self.flux, domain, where)
        super().check(domain, vocabulary, where)
        told = f"{where}: nothing is stored where there is no time; leave {self.content!r} out"
        require(domain.time is not None or self.content is None, told)
        if self.content is not None:
            vocabulary.resolve(f"{self.content}_{domain.time}", where)
        self.moments(domain)

    def reading(self, domain: Domain, evaluate: Evaluate, share: float = 1.0) -> Reading:
        along, places = self.moments(domain, FEW if len(domain.space_coordinates) > 1 else MOMENTS)
        count = max(len(places), 1)
        through = nodes_at(Total("", domain.walls).region(domain, share, count), domain, self.at)
        inside = nodes_at(Total("").region(domain, share, count), domain, self.at)
        flux, weight = outward(self.flux, evaluate, through), through.columns[WEIGHT]
        here = self._inside(domain, evaluate, inside)
        parts = {
            "in": total(through, weight * (-flux).clamp_min(0.0)),
            "out": total(through, weight * flux.clamp_min(0.0)),
            "stored": over(inside, self._stored(domain), here),
            "produced": over(inside, self.source, here),
        }
        left = parts["stored"] + parts["out"] - parts["in"] - parts["produced"]
        along_walls = total(through, weight * self._size(evaluate, through))
        volume, walls = total(inside, inside.columns[WEIGHT]), total(through, weight)
        within = total(inside, inside.columns[WEIGHT] * self._size(here, inside)) / volume * walls
        faint = [along_walls, within, *(over(inside, q, here, torch.abs) for q in (self._stored(domain), self.source))]
        sizes = [np.abs(values) for values in parts.values()] + [FAINT * values for values in faint]
        sizes.append(self._turnover(inside, domain, here))
        scale = max(float(np.max(sizes)), np.finfo(np.float64).tiny)
        return Reading(left / scale, along, places, parts)

    def _stored(self, domain: Domain) -> str | None:
        return self.content and f"{self.content}_{domain.time}"

    def _inside(self, domain: Domain, evaluate: Evaluate, inside: Points) -> Evaluate:
        """All that is asked for in space, evaluated once."""
        asked = [*self.quantities, self.content, self._stored(domain)]
        names = dict.fromkeys(name for quantity in asked if quantity is not None for name in names_of(quantity))
        known = evaluate(list(names), inside)
        return lambda names, points: known

    def _size(self, evaluate: Evaluate, points: Points) -> Tensor:
        """The flux's size, whatever its direction."""
        return torch.stack([values_of(q, evaluate, points) ** 2 for q in self.flux.values()]).sum(0).sqrt()

    def _turnover(self, inside: Points, domain: Domain, evaluate: Evaluate) -> NDArray[np.float64]:
        """What would be stored at each moment if all that the content differs by came and went once in all of time.

        Where next to nothing flows through walls, as while a pulse is on its way, its loss is judged by this.
        """
        if self.content is None or domain.time is None:
            return over(inside, None, evaluate)
        first, last = domain.bounds[domain.time]
        values = values_of(self.content, evaluate, inside)
        return total(inside, (values - values.mean()).abs() * inside.columns[WEIGHT]) / (last - first)


def total(points: Points, values: Tensor) -> NDArray[np.float64]:
    """The sum over the nodes of each moment."""
    return points.by_row(values).sum(0).numpy()


def over(
    inside: Points, quantity: Quantity | None, evaluate: Evaluate, of: Callable[[Tensor], Tensor] = torch.asarray
) -> NDArray[np.float64]:
    """The integral of a quantity, or of a function of it, over space at each moment; zero for none."""
    values = torch.zeros(len(inside.x)) if quantity is None else values_of(quantity, evaluate, inside)
    return total(inside, of(values) * inside.columns[WEIGHT])


def largest(values: NDArray[np.float64]) -> float:
    """The largest, whatever its sign."""
    return float(np.abs(values).max())
