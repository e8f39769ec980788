"""What is too sharp for collocation points: kinks of a trained function, and a residual that sits in a small place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pinn.ansatz.smoothness import derivative_orders
from pinn.derivatives.breaks import Break, largest_break, lines_along
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import anywhere
from pinn.trial.function import TrialFunction

NEAR = 1e-6  # of the domain's extent, around a border of two parts
LINES = 6  # along each coordinate, on which a trained function is looked at
POINTS = 4000  # where the residual is looked at
PLACE, HELD = 0.02, 0.7  # share of the domain, and of the mean square residual that sits there where it is sharp


@dataclass(frozen=True)
class Kink:
    """A break that no residual sees. text: it in words. is_defined: whether it is in a derived quantity's formula."""

    size: float
    text: str
    is_defined: bool


def kinks(trial: TrialFunction, seed: int = 0) -> Iterator[Kink]:
    """The largest break of each field or derived quantity that the equations differentiate once more than it allows.

    Those where parts of the domain meet, in which the function has pieces of its own, are no such breaks.

    Collocation points do not meet it: the residual is small, and the answer is that of another problem.
    """
    orders, generator = derivative_orders(trial.problem), torch.Generator().manual_seed(seed)
    coordinates, bounds = trial.problem.coordinates, list(trial.domain.bounds.values())
    derived = trial.problem.derived
    for field in (*trial.problem.vocabulary.fields, *derived):
        for along, coordinate in enumerate(coordinates):
            start, end = lines_along(bounds, along, LINES, generator)
            found = largest_break(_values(trial, field), start, end, orders[field, coordinate])
            if found is not None and _is_inside(trial, found) and not _is_border(trial, found):
                place = ", ".join(f"{name} = {x:.4g}" for name, x in zip(coordinates, found.place, strict=True))
                cause = "as it is defined" if field in derived else "by its ansatz or its network"
                yield Kink(
                    found.size,
                    f"{field} has a {found.kind} at {place}, {cause}, where the equations need "
                    f"derivatives along {coordinate} of order {orders[field, coordinate]}: no residual sees it",
                    field in derived,
                )
                break


def _values(trial: TrialFunction, field: str) -> Callable[[Tensor], Tensor]:
    """A field or derived quantity at points (n, d), to be differentiated by autograd."""
    fields: Callable[[Tensor], Any] = trial.field_function(trial.parameters())
    if field in trial.problem.derived:
        request = trial.request([field])
        fields = partial(trial.evaluate, request)

    def values(x: Tensor) -> Tensor:
        return fields(x.to(trial.device))[field].cpu()

    return values


def _is_inside(trial: TrialFunction, found: Break) -> bool:
    x = torch.tensor([found.place], dtype=torch.float64).numpy()
    return bool(trial.domain.contains(x)[0])


def _is_border(trial: TrialFunction, found: Break) -> bool:
    """Whether parts of the domain meet there, which the function's pieces and conditions between them are made for."""
    if trial.parts is None:
        return False
    x = torch.tensor([found.place], dtype=torch.float64)
    reach = NEAR * torch.tensor([b - a for a, b in trial.domain.bounds.values()], dtype=torch.float64).diag()
    around = trial.parts(torch.cat([x - reach, x + reach]))
    return bool((around != around[0]).any())


def sharp_place(residuals: Residuals, seed: int = 0) -> str | None:
    """Where most of the equations' residual sits in a small part of the domain, as at a front; None elsewhere."""
    generator = torch.Generator().manual_seed(seed + 2**24)
    trial = residuals.trial
    x = anywhere(trial, POINTS, generator)
    rows = residuals.pointwise(x)
    if not rows:
        return None
    squares = torch.stack([residuals.weights[name] * values.square() for name, values in rows.items()]).sum(0)
    largest = squares.argsort(descending=True)[: int(PLACE * len(x))]
    total = float(squares.sum())
    if not total > 0 or float(squares[largest].sum()) < HELD * total:
        return None
    place = x[largest[: max(1, len(largest) // 4)]].median(0).values
    return ", ".join(f"{name} = {float(at):.3g}" for name, at in zip(trial.problem.coordinates, place, strict=True))
