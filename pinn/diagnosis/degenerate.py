"""Sides on which an equation asks for no condition, as its highest derivative has no weight there."""

from collections.abc import Iterator

from torch import Generator, Tensor

from pinn.derivatives.names import Quantity
from pinn.residuals.blocks import Block, RegionBlocks, slopes
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import anywhere

POINTS = 50
VANISHES = 1e-12  # of the weight in the interior


def unasked_sides(residuals: Residuals, field: str, coordinate: str) -> list[str]:
    """The ends of a coordinate of space, in a box, at which nothing weighs the field's highest derivatives along it.

    As on the axis of a cylinder, r u_rr + u_r, or at the free end of a hanging chain: of the two solutions there the
    smooth one needs no condition. None where equations ask for more than derivatives of fields.
    """
    trial = residuals.trial
    if not trial.problem.domain.is_box or coordinate == trial.problem.domain.time:
        return []
    inner = anywhere(trial, POINTS, Generator().manual_seed(0))
    number, places = trial.domain.coordinates.index(coordinate), [inner]
    for end in trial.domain.bounds[coordinate]:
        places.append(inner.clone())
        places[-1][:, number] = end
    largest = [0.0] * len(places)
    for group in (group for group in residuals.regions.values() if group.region.is_interior):
        for block in group.blocks:
            meanings = [trial.problem.vocabulary.resolve(a, "the conditions") for a in block.equation.arguments]
            if not all(_is_plain(residuals, one) for one in meanings):
                return []
            highest = [_order(one, field, number) == group.request.order(field, number) > 0 for one in meanings]
            for k, x in enumerate(places):
                largest[k] = max([largest[k], *_weights(residuals, group, block, x, highest)])
    inside, *ends = largest
    sides = zip((f"{coordinate}.min", f"{coordinate}.max"), ends, strict=True)
    return [side for side, weight in sides if inside > 0.0 and weight <= VANISHES * inside]


def _is_plain(residuals: Residuals, meaning: Quantity) -> bool:
    """Whether it is a coordinate, an unknown, or a derivative of a field."""
    own = meaning.kind == "derivative" and meaning.base in residuals.trial.problem.vocabulary.fields
    return own or meaning.kind in ("coordinate", "unknown")


def _order(meaning: Quantity, field: str, number: int) -> int:
    """Of a derivative of the field along a coordinate, by number."""
    if meaning.symbol is None or meaning.base != field:
        return 0
    return max(symbol.orders[number] for symbol in meaning.symbol.expanded())


def _weights(residuals: Residuals, group: RegionBlocks, block: Block, x: Tensor, asked: list[bool]) -> Iterator[float]:
    """The largest derivative of an equation by each of the arguments that are asked for, at points (n, d)."""
    if any(asked):
        values = residuals.trial.evaluate_with(group.request, x, residuals.trial.parameters())
        changes = slopes(block.equation.function, [values[name] for name in block.equation.arguments])
        for is_asked, slope in zip(asked, changes, strict=True):
            if is_asked and slope is not None:
                yield float(slope.abs().max())
