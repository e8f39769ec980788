"""Interior points that follow the steep places of the fields themselves."""

import math

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.sampling.adaptation import Adaptation, Fields, Magnitude, State, Volume

COARSE = 48  # intervals of a line at first
SPLIT, ROUNDS = 16, 7  # the intervals across which the fields change most are halved, so many so often
A_LINE = 5  # points on each, few: a front is a layer along other coordinates, too


class ArcLength(Adaptation):
    """Points at equal steps of the fields' arc length along random lines (de Boor 1973, doi:10.1007/BFb0069121).

    The density along a line, over the line's length, is  1 + strength sum_k |du_k/dx| / mean,  with the differences of
    the fields between points of the line that are closest where these are largest: a shock is found however thin it
    is, where the density of a residual would have to meet it by chance. strength: > 0, the share of the points in
    steep places over that of the others.
    """

    def __init__(self, *, strength: float = 1.0) -> None:
        require(0 < strength < math.inf, f"adaptation.strength must be > 0 and finite, got {strength}")
        self.strength = strength

    def redraw(
        self, n: int, volume: Volume, magnitude: Magnitude, state: State, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None, State]:
        starts, axis = volume.fresh(-(-n // A_LINE)), int(torch.randint(volume.space, (), generator=generator))
        lines, changes = refined(starts, axis, volume)
        steps = lines.diff(dim=1)  # (lines, k)
        share = steps / steps.sum(1, keepdim=True) + self.strength * changes / changes.sum(1).mean().clamp_min(1e-300)
        ends = share.reshape(-1).cumsum(0)  # of the intervals, line after line
        at = ends[-1] * (torch.arange(n) + torch.rand(n, generator=generator, dtype=ends.dtype)) / n  # evenly
        picked = torch.searchsorted(ends, at).clamp_max(len(ends) - 1)
        line, interval = picked // share.shape[1], picked % share.shape[1]
        x, within = starts[line].clone(), (ends[picked] - at) / share.reshape(-1)[picked]
        x[:, axis] = lines[line, interval] + steps[line, interval] * within.clamp(0.0, 1.0)
        inside = volume.inside(x)
        return torch.cat([x[inside], volume.fresh(n)[: n - int(inside.sum())]]), None, state


def refined(starts: Tensor, axis: int, volume: Volume) -> tuple[Tensor, Tensor]:
    """Places (m, k + 1) along a coordinate on lines through points (m, d), and changes of the fields between (m, k).

    Changes are sums over the fields, each over its range on all lines.
    """
    m, (low, high) = len(starts), volume.bounds[axis]
    places = torch.linspace(float(low), float(high), COARSE + 1, dtype=starts.dtype).repeat(m, 1)
    values = _values(starts, axis, places, volume.fields)
    size = (values.amax((0, 1)) - values.amin((0, 1))).clamp_min(1e-300)
    for _ in range(ROUNDS):
        largest = (values.diff(dim=1).abs() / size).sum(-1).topk(SPLIT, dim=1).indices
        between = 0.5 * (places.gather(1, largest) + places.gather(1, largest + 1))
        places, order = torch.cat([places, between], 1).sort(1)
        values = torch.cat([values, _values(starts, axis, between, volume.fields)], 1)
        values = values.gather(1, order[..., None].expand_as(values))
    return places, (values.diff(dim=1).abs() / size).sum(-1)


def _values(starts: Tensor, axis: int, places: Tensor, fields: Fields) -> Tensor:
    """The fields (m, k, count) at places (m, k) along a coordinate on the lines through points (m, d)."""
    x = starts[:, None].repeat(1, places.shape[1], 1)
    x[..., axis] = places
    found = fields(x.flatten(0, 1)).to(places).unflatten(0, places.shape)
    return found.nan_to_num(0.0, 0.0, 0.0)  # of a run that is about to end
