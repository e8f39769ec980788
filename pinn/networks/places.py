"""Chebyshev polynomials and harmonics of one coordinate, at the different places that points have along it."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from operator import mul
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pinn.basis.memory import Memory
from pinn.derivatives.jets import Jet, Values, stack
from pinn.derivatives.visible import visible

REMEMBERED = 2**18  # values of a table, or of points, up to which it is remembered
TABLES = 16  # the latest of them
FUNCTIONS = Memory(2**26)  # of coordinates at the latest sets of points

GRID = 4  # places a point of a grid that is evaluated as a whole

Make = Callable[[Tensor, int, int], Tensor]  # (places (k,), count, order) -> derivatives (order + 1, k, count)


class Along(NamedTuple):
    """Functions of a coordinate at the places (k, count), and at which of these each point is, (n,); None for its own.

    A grid of points has far fewer places along a coordinate than points.
    """

    places: Values
    which: Tensor | None

    def of_points(self, values: Values) -> Values:
        """What holds at the places, (k, ...), at the points (n, ...)."""
        return values if self.which is None else taken(values, self.which)

    @property
    def bytes(self) -> int:
        """What its tensors take."""
        values = self.places.coefficients if isinstance(self.places, Jet) else self.places
        return values.nbytes + (0 if self.which is None else self.which.nbytes)

    @property
    def points(self) -> Values:
        """The functions at the points, (n, count)."""
        return self.of_points(self.places)


def on_grid(factors: Sequence[Along]) -> Tensor | None:
    """Which node each point is, (n,), of the grid of all places along the coordinates; None where that is too large."""
    counts = [len(along.places) for along in factors]
    points = max(n if along.which is None else len(along.which) for n, along in zip(counts, factors, strict=True))
    if math.prod(counts) > GRID * points:
        return None
    where = torch.zeros((), dtype=torch.long)
    for n, along in zip(counts, factors, strict=True):
        which = torch.arange(n, device=along.places.device) if along.which is None else along.which
        where = where.to(which.device) * n + which
    return where


def functions(
    x: Values, inputs: Sequence[tuple[int, int]], counts: Sequence[int], bends: Sequence[Sequence[float]]
) -> list[Along]:
    """The functions of each coordinate at points (n, columns): harmonics where it is seen in two of them.

    inputs: the columns of each coordinate. Remembered for the same points, which a fit asks for again and again; a jet
    of theirs knows of no tape.
    """
    x = Jet(x.coefficients, x.channels) if isinstance(x, Jet) else x
    key = key_of(x, inputs, counts, bends)
    known = None if key is None else FUNCTIONS[key]
    if known is None:
        known = [
            harmonics(x[:, first], x[:, second], count) if first != second else polynomials(x[:, first], bend, count)
            for (first, second), count, bend in zip(inputs, counts, bends, strict=True)
        ]
        if key is not None:
            FUNCTIONS.keep(key, known, len(key[0]) + sum(along.bytes for along in known))
    return known


def key_of(x: Values, *others: Sequence) -> tuple | None:
    """What functions at points depend on; None where these cannot be looked at, or are many."""
    values = x.coefficients if isinstance(x, Jet) else x
    if values.device.type != "cpu" or values.requires_grad or values.numel() > REMEMBERED:
        return None
    numbers = visible(values)
    if numbers is None:
        return None
    channels = x.channels if isinstance(x, Jet) else None
    return numbers.tobytes(), values.shape, values.dtype, channels, repr(others)


def polynomials(s: Values, bend: Sequence[float], count: int) -> Along:
    """T_0 ... T_(count - 1) of a coordinate in [-1, 1] (n,), bent about a front."""
    found = _different(s)
    if found is None:
        return Along(_chebyshev(_bent(s, bend), count), None)
    first, which = found
    return Along(_chebyshev(_bent(taken(s, first), bend), count), which)


def harmonics(cosine: Values, sine: Values, count: int) -> Along:
    """1, cos x, sin x, cos 2x, ... from cos x and sin x (n,)."""
    found = _different(cosine, sine)
    if found is None:
        return Along(_harmonics(cosine, sine, count), None)
    first, which = found
    return Along(_harmonics(taken(cosine, first), taken(sine, first), count), which)


def _different(*columns: Values) -> tuple[Tensor, Tensor] | None:
    """Points (k,) of all different values, and which of them each point (n,) is like; None where there are many.

    Not on a GPU, which would wait for it, nor within a transform, which hides the values, nor where each point's own
    derivative is asked for.
    """
    coefficients = [c.coefficients if isinstance(c, Jet) else c.unsqueeze(0) for c in columns]
    if coefficients[0].device.type != "cpu" or any(c.requires_grad for c in coefficients):
        return None
    values = visible(torch.stack([c[0] for c in coefficients]))
    if values is None:
        return None
    _, first, which = np.unique(values, axis=1, return_index=True, return_inverse=True)
    if 2 * len(first) > values.shape[1]:
        return None
    known = torch.as_tensor(first), torch.as_tensor(which.reshape(-1))
    same = all(torch.equal(c[1:], c[1:, known[0]][:, known[1]]) for c in coefficients)  # in their derivatives, too
    return known if same else None


def taken(values: Values, which: Tensor) -> Values:
    """What holds at places (k, ...), at points (n, ...) each of which is at one of them, (n,)."""
    if isinstance(values, Jet):
        return values.with_coefficients(values.coefficients[:, which])
    return values[which]


def _table(make: Make, s: Tensor, count: int, order: int, plain: Make | None = None) -> Tensor:
    """The derivatives (order + 1, k, count) at places, remembered where they are few and asked for again.

    plain: the same, quicker, where s is on the processor, not differentiated and in no transform.
    """
    places = None if s.device.type != "cpu" or s.requires_grad or not len(s) else visible(s)
    if places is None:
        return make(s, count, order)
    if len(s) * count > REMEMBERED:
        return (plain or make)(s, count, order)
    return _remembered(plain or make, places.tobytes(), places.dtype, count, order)


@lru_cache(maxsize=TABLES)
def _remembered(make: Make, places: bytes, dtype: np.dtype, count: int, order: int) -> Tensor:
    return make(torch.tensor(np.frombuffer(places, dtype)), count, order)


def _by_recurrence(places: Tensor, count: int, order: int) -> Tensor:
    """As `_chebyshev_derivatives`, by numpy, whose small steps are quicker."""
    s = places.numpy()
    found = np.zeros((max(count, 2), order + 1, len(s)), s.dtype)
    found[0, 0], found[1, 0], found[1, 1:2] = 1.0, s, 1.0
    twice, times = 2.0 * s, 2.0 * np.arange(1, order + 1, dtype=s.dtype)[:, None]
    for k in range(2, count):
        np.multiply(twice, found[k - 1], out=found[k])
        found[k] -= found[k - 2]
        found[k, 1:] += times * found[k - 1, :-1]
    return torch.from_numpy(np.ascontiguousarray(found[:count].transpose(1, 2, 0)))


def _ends(bend: Sequence[float]) -> tuple[float, float]:
    """asinh(q (s - c)) at s = -1 and 1."""
    center, steepness = bend
    return math.asinh(steepness * (-1.0 - center)), math.asinh(steepness * (1.0 - center))


def _bent(s: Values, bend: Sequence[float]) -> Values:
    """s in [-1, 1] as a coordinate in [-1, 1] that is stretched about a front."""
    center, steepness = bend
    if steepness == 0.0:
        return s
    lower, upper = _ends(bend)
    stretched: Values = torch.asinh(steepness * (s - center))  # type: ignore[arg-type]
    return (stretched - 0.5 * (lower + upper)) * (2.0 / (upper - lower))


def unbent(y: Tensor, bend: Sequence[float]) -> Tensor:
    """The s in [-1, 1] at which a coordinate that is stretched about a front is y in [-1, 1]."""
    center, steepness = bend
    if steepness == 0.0:
        return y
    lower, upper = _ends(bend)
    return center + torch.sinh(0.5 * (upper - lower) * y + 0.5 * (lower + upper)) / steepness


def _chebyshev(s: Values, count: int) -> Values:
    """T_0 ... T_(count - 1) of s (n,), as columns (n, count)."""
    if isinstance(s, Jet):
        return _composed(s, _table(_chebyshev_derivatives, s.value, count, s.channels.order, _by_recurrence))
    return _table(_chebyshev_derivatives, s, count, 0, _by_recurrence)[0]


def _chebyshev_derivatives(s: Tensor, count: int, order: int) -> Tensor:
    """T_k and its derivatives up to `order`, (order + 1, n, count): the recurrence, differentiated."""
    zero = torch.zeros_like(s)
    found = [torch.stack([zero + 1.0, *[zero] * order]), torch.stack([s, zero + 1.0, *[zero] * order][: order + 1])]
    times = torch.arange(1, order + 1, dtype=s.dtype, device=s.device).unsqueeze(1)
    while len(found) < count:
        last, before = found[-1], found[-2]
        lower = torch.cat([zero.unsqueeze(0), times * last[:-1]])
        found.append(2.0 * (s * last + lower) - before)
    return torch.stack(found[:count], -1)


def _harmonics(cosine: Values, sine: Values, count: int) -> Values:
    """1, cos x, sin x, cos 2x, ... from cos x and sin x (n,), as columns (n, count)."""
    if isinstance(cosine, Jet) and isinstance(sine, Jet):
        c, s = cosine.coefficients, sine.coefficients
        slopes = [symbol.order == 1 for symbol in cosine.channels.symbols]  # x is linear in the coordinate
        rates = [
            a * s[0].new_zeros(()) if not is_slope else c[0] * b - s[0] * a
            for a, b, is_slope in zip(c, s, slopes, strict=True)
        ]
        x = torch.stack([torch.atan2(s[0], c[0]), *rates[1:]])
        table = _table(_harmonic_derivatives, x[0], count, cosine.channels.order)
        return _composed(cosine.with_coefficients(x), table)
    found: list[Any] = [torch.ones_like(cosine), cosine, sine]  # type: ignore[arg-type]
    while len(found) < count:
        a, b = found[-2:]
        found += [a * cosine - b * sine, b * cosine + a * sine]
    return stack(found[:count], -1)


def _harmonic_derivatives(x: Tensor, count: int, order: int) -> Tensor:
    """1, cos x, sin x, cos 2x, ... and their derivatives up to `order`, (order + 1, n, count)."""
    numbers = torch.arange(count, device=x.device)
    waves, m = ((numbers + 1) // 2).to(x.dtype), torch.arange(order + 1, device=x.device)[:, None, None]
    sine = ((numbers + 1) % 2 * (numbers > 0)).to(x.dtype)  # sin x = cos(x - pi / 2)
    return waves**m * torch.cos(waves * x.unsqueeze(-1) + 0.5 * math.pi * (m - sine))


def _composed(z: Jet, table: Tensor) -> Jet:
    """Functions of z (n,) as columns (n, count) from their derivatives (order + 1, n, count) there."""
    c = z.coefficients
    present = [k == 0 or is_present(channel) for k, channel in enumerate(c)]
    whole = [table[0]]
    for terms in z.channels.composition[1:]:
        total = torch.zeros_like(table[0])
        for k, factor, parts in terms:
            if all(present[part] for part in parts):
                product = reduce(mul, [c[part] for part in parts])
                total = total + table[k] * (factor * product).unsqueeze(-1)
        whole.append(total)
    return z.with_coefficients(torch.stack(whole))


def is_present(channel: Tensor) -> bool:
    """Whether a channel is not zero everywhere; within a transform, which hides its values, it counts as present."""
    try:
        return bool((channel != 0).any())
    except RuntimeError:
        return True
