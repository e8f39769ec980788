"""Several eigenfunctions of one trained function: its last layer has them all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinn.basis.logs import logger
from pinn.problem import Problem
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.base import Sampler
from pinn.terms.unknowns import Eigenvalue, equal
from pinn.training.eigenpairs import Bilinear, Pair, eigenproblem, in_order, upright

NODES = 4000  # of the quadrature by which functions of one eigenvalue are made orthogonal


@dataclass(frozen=True)
class Modes:
    """Eigenvalues (k,) of an unknown in their order, and the parameters (p,) of the function of each."""

    unknown: str
    values: tuple[float, ...]
    thetas: tuple[Tensor, ...]


def several(problem: Problem) -> tuple[str, Eigenvalue] | None:
    """The unknown that is to have several eigenvalues, and which; None where there is none."""
    name, wanted = next(iter(problem.unknowns.items()), ("", 0.0))
    return (name, wanted) if isinstance(wanted, Eigenvalue) and wanted.count > 1 else None


def eigenmodes(residuals: Residuals, sampler: Sampler, seed: int) -> Modes | None:
    """As many eigenfunctions as the problem's `Eigenvalue` asks for, of the size that its norm sets.

    Those of one eigenvalue are orthogonal in L2. None where there is one, or the last layer resolves no more.
    """
    asked = several(residuals.trial.problem)
    if asked is None:
        return None
    name, wanted = asked
    generator, theta = torch.Generator().manual_seed(seed), residuals.theta()
    least_squares, fresh = (bind(residuals, residuals.draw(sampler, generator)) for _ in range(2))
    found = eigenproblem(residuals, least_squares, theta)
    layer, fresh_layer = least_squares.last_layer(theta), fresh.last_layer(theta)
    if found is None or layer is None or fresh_layer is None:
        return None
    found = replace(found, least_squares=layer[1])
    known = in_order(found, fresh_layer[1], wanted)
    pairs = known[0][known[1] : known[1] + wanted.count] if known else []
    if len(pairs) < wanted.count:
        logger.warning("%d of the %d eigenfunctions that are asked for are resolved", len(pairs), wanted.count)
    values, thetas = [], []
    for pair in _orthogonal(residuals, found, theta, layer[0], pairs):
        c = found.sized(pair.c, pair.value)
        if c is not None:
            values.append(pair.value)
            thetas.append(upright(residuals, found, theta, layer[0], found.at(c, pair.value)))
    return Modes(name, tuple(values), tuple(thetas)) if len(thetas) > 1 else None


def _orthogonal(
    residuals: Residuals, found: Bilinear, theta: Tensor, indices: Tensor, pairs: list[Pair]
) -> Iterator[Pair]:
    """The same pairs, those of one eigenvalue with combinations of their vectors, orthogonal over space."""
    rule = residuals.trial.problem.domain.quadrature(NODES)
    x, weight = torch.as_tensor(rule.points).to(theta), torch.as_tensor(rule.weights).to(theta).sqrt()
    fields = residuals.trial.problem.vocabulary.fields
    left = list(pairs)
    while left:
        alike = equal([pair.value for pair in left], left[0].value)
        group, left = left[: len(alike)], left[len(alike) :]
        if len(group) == 1:
            yield group[0]
            continue
        columns = []
        for pair in group:
            moved = theta.index_copy(0, indices, found.at(pair.c, pair.value).to(theta))
            with torch.no_grad():
                values = residuals.trial.evaluate(fields, x, residuals.unflatten(moved))
            columns.append(torch.cat([weight * values[name] for name in fields]))
        r = torch.linalg.qr(torch.stack(columns, 1)).R
        combined = torch.linalg.solve_triangular(
            r, torch.stack([pair.c for pair in group], 1).to(r), upper=True, left=False
        )
        for pair, c in zip(group, combined.unbind(1), strict=True):
            yield replace(pair, c=c)
