"""How the raw outputs of a time window go on from the windows before it, so that nothing is lost at the seams.

A window's raw outputs, which the problem's ansatz turns into fields, are

    N(x, t) = sum_{j < m} (t - t_0)^j / j! d_t^j N_before(x, t_0) + s^m N_k(x, t) / B(t),   s = (t - t_0) / (t_1 - t_0),

with N_k the window's own network, m the order of the equations in time, and B = ((t - begin) / (end - begin))^p the
factor by which the ansatz makes conditions hold at the beginning of all time, 1 where it does not: N and its first
m - 1 derivatives in time are continuous at t_0 to rounding, whatever N_k is, and conditions that the ansatz satisfies
for every N still hold. What N_k changes is the same in all windows, but for what the equations themselves have of time.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from pinn.basis.memory import Memory
from pinn.derivatives.channels import Channels
from pinn.derivatives.jets import Jet, Values, stack
from pinn.derivatives.visible import visible

_serials = count()


class Start(ABC):
    """What a window's raw outputs are made of: its network's, and what was before it. x: (n, d)."""

    replaced: tuple[str, ...] = ()  # terms that the start stands for: the initial conditions of a later window
    before: "tuple[Piece, ...]" = ()  # the earlier windows

    @abstractmethod
    def own(self, x: Values, raw: Values) -> list[Values]:
        """The part of each output (n,) that the window's own network (n, m) gives."""

    @abstractmethod
    def outputs(self, x: Values, raw: Values, past: Tensor | None = None) -> list[Values]:
        """The window's raw outputs, each (n,). past: what was before at x, where it is known."""

    def after(self, before: Sequence["Piece"]) -> "Start":
        """The same after other windows."""
        return self

    def reached(self, x: Values) -> Values:
        """Where the window's network is asked for its outputs at points (n, d): there, unless they are before it."""
        return x

    def goes_on(self, k: int) -> bool:
        """Whether output k goes on from what was before, so that the network gives what is added to that."""
        return False

    def past(self, x: Jet) -> Tensor | None:
        """What was before the window at points, for `outputs` there: (n, ...); None where there is nothing."""
        return None


class Beginning(Start):
    """The first window: its raw outputs are the network's."""

    def own(self, x: Values, raw: Values) -> list[Values]:
        return [raw[:, k] for k in range(raw.shape[1])]

    def outputs(self, x: Values, raw: Values, past: Tensor | None = None) -> list[Values]:
        return self.own(x, raw)


@dataclass(frozen=True)
class Piece:
    """The own part of an earlier window, whose network is trained: it ends at time `end`. serial: like no other's."""

    start: Start
    network: nn.Module
    end: float
    length: float
    serial: int = field(default_factory=_serials.__next__)

    @property
    def version(self) -> tuple[int, ...]:
        """Numbers that change with the network's parameters, and from piece to piece."""
        return self.serial, *(parameter._version for parameter in self.network.parameters())

    def at(self, x: Values) -> Values:
        """The own part's columns (n, m). No gradient in the network's parameters."""
        parameters = {name: values.detach() for name, values in self.network.named_parameters()}
        return stack(self.start.own(x, functional_call(self.network, parameters, (x,))), -1)


class Continuation(Start):
    """A later window, from time `start` to `end`: the formula at the head of this module.

    What was before depends on no parameter that is trained, and on the place alone: it is remembered for each set of
    points, and where the window before remembers it for the same places, only that window's own part is added.

    time: number of the time coordinate. orders: m of each output; where it is 0, as for a pressure, the output is the
    network's alone. before: the earlier windows, all of them, in order. memory: shared by all windows. replaced: terms
    left out. whole: the beginning and end of all time. powers: p of each output.
    """

    def __init__(
        self,
        time: int,
        start: float,
        end: float,
        orders: Sequence[int],
        before: Sequence[Piece],
        *,
        whole: tuple[float, float],
        powers: Sequence[int],
        memory: Memory | None = None,
        replaced: Sequence[str] = (),
    ) -> None:
        self.time = time
        self.start = start
        self.end = end
        self.orders = tuple(orders)
        self.before = tuple(before)
        self.whole, self.powers = whole, tuple(powers)
        self.replaced = tuple(replaced)
        self.memory = memory or Memory()

    def after(self, before: Sequence[Piece]) -> "Continuation":
        other = copy(self)
        other.before = tuple(before)
        return other

    def goes_on(self, k: int) -> bool:
        return self.orders[k] > 0

    def own(self, x: Values, raw: Values) -> list[Values]:
        t, (begin, end) = x[:, self.time], self.whole
        s, over = (t - self.start) / (self.end - self.start), (end - begin) / (t - begin)
        powers = zip(self.orders, self.powers, strict=True)
        factors = {k: s**m * over**p if p else s**m for k, (m, p) in enumerate(powers) if m}
        return [raw[:, k] * factors[k] if k in factors else raw[:, k] for k in range(len(self.orders))]

    def past(self, x: Jet) -> Tensor:
        """The derivatives in time that `_polynomial` sums, (n, j, c, m) in the channels without derivatives in time."""
        return torch.stack(self._everywhere(x)).permute(2, 0, 1, 3).contiguous()

    def outputs(self, x: Values, raw: Values, past: Tensor | None = None) -> list[Values]:
        base = self._polynomial(x, past)
        return [base[:, k] + column if self.orders[k] else column for k, column in enumerate(self.own(x, raw))]

    def _polynomial(self, x: Values, past: Tensor | None) -> Values:
        """sum_j (t - t_0)^j / j! d_t^j N_before(x, t_0), (n, m)."""
        held = _without_time(x, self.time)
        derivatives = self._everywhere(x) if past is None else past.permute(1, 2, 0, 3)
        total, *rates = [held.restored(values) for values in derivatives]
        elapsed = (x[:, self.time] - self.start)[:, None]
        for j, rate in enumerate(rates, 1):
            total = total + elapsed**j * rate / math.factorial(j)
        return total

    def _everywhere(self, x: Values) -> list[Tensor]:
        """`_derivatives` at points (n, d): at each place once, however many times it is asked for."""
        places = _without_time(x, self.time).places()
        if places is None:
            return self._derivatives(_without_time(x, self.time))
        first, which = places
        return [v.index_select(-2, which) for v in self._derivatives(_without_time(x[first], self.time))]

    def _derivatives(self, held: "_Tensor | _Jet") -> list[Tensor]:
        """d_t^j N_before(x, t_0) for j < max(m), each (..., n, m): from the latest window that remembers the places."""
        place = held.place()
        versions = [piece.version for piece in self.before]
        keys = [(place, *versions[:number]) for number in range(1, len(versions) + 1)]
        known, derivatives = 0, None
        if place is not None:
            latest_first = ((k, self.memory[keys[k - 1]]) for k in range(len(keys), 0, -1))
            known, derivatives = next(((k, values) for k, values in latest_first if values is not None), (0, None))
        for piece in self.before[known:]:
            derivatives = self._after(piece, derivatives, held)
        assert derivatives is not None
        if place is not None and known < len(keys):
            self.memory.keep(keys[-1], derivatives, sum(values.nbytes for values in derivatives))
        return derivatives

    def _after(self, piece: Piece, at_start: list[Tensor] | None, held: "_Tensor | _Jet") -> list[Tensor]:
        """The time derivatives at the end of a window, from those at its start by Taylor's rule and its own part.

        Where j >= m of an output they are zero: that derivative is not carried from window to window.
        """
        count, length = max(self.orders), piece.length
        derivatives = held.rates(piece, count)
        for i, earlier in enumerate(at_start or []):
            for j in range(i + 1):
                derivatives[j] = derivatives[j] + length ** (i - j) / math.factorial(i - j) * earlier
        carried = [[float(j < m) for m in self.orders] for j in range(count)]
        return [a * a.new_tensor(mask) for a, mask in zip(derivatives, carried, strict=True)]


@dataclass(frozen=True)
class _Tensor:
    """Points (n, d) whose time is to be set."""

    x: Tensor
    keep: Tensor  # (d,), 0 at the time coordinate and 1 elsewhere

    def rates(self, piece: Piece, count: int) -> list[Tensor]:
        """The own part of an earlier window and its first count - 1 time derivatives at its end, (n, m), by `jvp`."""

        def nested(t: Tensor, count: int) -> tuple[Tensor, ...]:
            if count == 1:
                values = piece.at(self.x * self.keep + t * (1.0 - self.keep))
                assert isinstance(values, Tensor)
                return (values,)
            values, slopes = jvp(lambda s: nested(s, count - 1), (t,), (torch.ones_like(t),))[:2]
            return (*values, slopes[-1])

        return list(nested(torch.full((), piece.end, dtype=self.x.dtype, device=self.x.device), count))

    def place(self) -> None:
        """Nothing to remember these points by: the reference engine sees them within a transform only."""

    def places(self) -> None:
        """They are not told apart, for the same reason."""

    def restored(self, values: Tensor) -> Tensor:
        return values


@dataclass(frozen=True)
class _Jet:
    """The same for the jet of the points: what is constant in time needs no channel with a derivative in time."""

    x: Jet
    keep: Tensor
    channels: Channels
    time: int

    def rates(self, piece: Piece, count: int) -> list[Tensor]:
        """The same, (c, n, m) in the channels, by a jet with derivatives in time."""
        orders, at_time = [list(self.channels.symbols)], 1.0 - self.keep
        for _ in range(1, count):
            orders.append([symbol.differentiated(self.time) for symbol in orders[-1]])
        channels = Channels.closure([symbol for symbols in orders for symbol in symbols], len(self.keep))
        x = self.x.coefficients.new_zeros(len(channels), *self.x.shape)
        for symbol in self.channels.symbols:
            x[channels.index[symbol]] = self.x.coefficients[self.x.channels.index[symbol]] * self.keep
        x[0] += piece.end * at_time
        if count > 1:
            x[channels.slopes[self.time]] = at_time
        values = piece.at(Jet(x, channels))
        assert isinstance(values, Jet)
        return [values.coefficients[[channels.index[symbol] for symbol in symbols]] for symbols in orders]

    def place(self) -> tuple | None:
        """What the values depend on: places and channels; None within a transform, which hides the points."""
        places = visible(self.x.value[:, self.keep.bool()])
        if places is None:
            return None
        return places.tobytes(), self.channels, self.x.dtype, self.x.device

    def places(self) -> tuple[Tensor, Tensor] | None:
        """Points (k,) at all different places, and which of them each point (n,) is at; None where all differ."""
        try:
            c = self.x.coefficients.detach()
            if not bool((c[1:] == c[1:, :1]).all()):  # not the coordinates themselves
                return None
            where = c[0][:, self.keep.bool()].cpu().numpy()
        except RuntimeError:  # within a transform
            return None
        if not where.shape[1]:  # time is the only coordinate
            return torch.zeros(1, dtype=torch.long, device=c.device), torch.zeros_like(c[0, :, 0], dtype=torch.long)
        _, first, which = np.unique(where, axis=0, return_index=True, return_inverse=True)
        if len(first) == len(where):
            return None
        return torch.as_tensor(first, device=c.device), torch.as_tensor(which.reshape(-1), device=c.device)

    def restored(self, values: Tensor) -> Jet:
        """As a jet with all the channels of x, those in time zero."""
        symbols = self.x.channels.symbols
        zero = torch.zeros_like(values[0])
        of = self.channels.index
        steady = [s in of and s.orders[self.time] == 0 for s in symbols]
        rows = [values[of[s]] if kept else zero for s, kept in zip(symbols, steady, strict=True)]
        return Jet(torch.stack(rows), self.x.channels)


def _without_time(x: Values, time: int) -> "_Tensor | _Jet":
    keep = torch.ones(x.shape[1], dtype=x.dtype, device=x.device)
    keep[time].zero_()
    if not isinstance(x, Jet):
        return _Tensor(x, keep)
    steady = [symbol for symbol in x.channels.symbols if symbol.orders[time] == 0]
    return _Jet(x, keep, Channels.closure(steady, x.channels.d), time)
