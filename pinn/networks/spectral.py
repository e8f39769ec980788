"""Polynomials and harmonics of the coordinates, for fits of the last layer alone: spectral collocation."""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor, nn

from pinn.basis.errors import require
from pinn.derivatives.jets import Jet, Values, stack
from pinn.derivatives.tape import SeparateCapture, Tape
from pinn.networks.base import Network
from pinn.networks.layers import require_sizes
from pinn.networks.places import Along, functions, is_present, on_grid, taken

WIDTH = 1200  # of the last layer, over the number of fields, where it is left open
LAST, LEAST = 0.15, 3  # of the orders along a coordinate, by which it is judged whether they suffice: share and number
FEWEST = 4  # functions along a coordinate
RESOLVED, UNRESOLVED = 1e-13, 0.5  # shares of the last coefficients beyond which nothing is concluded from them
CHANGE = 2.0  # factor by which counts change at once
MANY, HALVINGS = 8.0, 40  # of the interval in which the level of the last coefficients is looked for


class Spectral(Network):
    """Sums of products of one function of each coordinate: Chebyshev polynomials, of a periodic coordinate harmonics.

    T_k(s) of an input s in [-1, 1]; 1, cos x, sin x, cos 2x, ... of a coordinate that is seen through its cosine and
    sine. The linear layer on top starts at zero and has no bias. Made for `LinearLeastSquares`, with which it is a
    spectral collocation method (Boyd 2001, Chebyshev and Fourier Spectral Methods, chapters 2 to 4): rounding is
    reached where the solution is smooth, on boxes of two coordinates or so; in windows of time also where it is
    chaotic or steep. It is no method for corners, holes and many coordinates.

    width: products of an output; None for 1200 over the number of fields. A parameter `orders` (width, coordinates)
    says which they are; `share` and `rebalance` choose it. A parameter `bends` (coordinates, 2) holds a center c and a
    steepness q of each: the polynomials are those of asinh(q (s - c)), its range scaled to [-1, 1], which resolves a
    front at c of width 1 / q (Tee & Trefethen 2006, 10.1137/050641296); of s itself where q is 0.

    shares: how the functions along the coordinates are in proportion, such as [50, 9, 10]; None leaves that, and the
    bends, to fits. bent: with shares, the bends.
    """

    has_layers = False

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int | None = None,
        shares: list[float] | None = None,
        bent: list[list[float]] | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=1 if width is None else width)
        self.width = max(1, WIDTH // outputs) if width is None else width
        self.last: nn.Linear = nn.Linear(self.width, outputs, bias=False)
        nn.init.zeros_(self.last.weight)
        require(shares is None or min(shares, default=0.0) > 0.0, f"shares must be positive, got {shares}")
        self.shares, self.bent = shares, bent or []
        self.see(range(inputs))

    def see(self, coordinates: Sequence[int | None]) -> None:
        """Say of which coordinate each input is a function, None where of several: two of one are cosine and sine."""
        self.seen = tuple(coordinates)
        inputs: dict[object, list[int]] = {}
        for k, i in enumerate(coordinates):
            inputs.setdefault(("input", k) if i is None else i, []).append(k)
        self.inputs = [(columns[0], columns[len(columns) // 2]) for columns in inputs.values()]
        self.coordinates = [i for i in inputs if isinstance(i, int)]
        self.orders = nn.Parameter(self.last.weight.new_zeros(self.width, len(self.inputs)))
        self.bends = nn.Parameter(self.last.weight.new_zeros(len(self.inputs), 2))
        fits = self.shares is not None and len(self.shares) == len(self.inputs)
        self.share(self.shares if self.shares is not None and fits else [1.0] * len(self.inputs))
        for number, (center, steepness) in enumerate(self.bent if fits else []):
            self.bend(number, center, steepness)

    @property
    def is_periodic(self) -> list[bool]:
        """Whether each coordinate's functions are harmonics."""
        return [first != second for first, second in self.inputs]

    @property
    def counts(self) -> list[int]:
        """The number of functions along each coordinate."""
        return [int(n) + 1 for n in self._whole.amax(0)]

    def share(self, shares: Sequence[float]) -> None:
        """Take a box of orders whose sides are in proportion to the shares, as near as whole numbers come.

        Of two coordinates the shorter side is a whole number: functions, and the nodes at which they are fitted, are
        the same for many windows of time, and what is known at these nodes is not computed again.
        """
        require(len(shares) == len(self.inputs), f"one share a coordinate is needed, got {len(shares)}")
        each = (self.width / math.prod(shares)) ** (1.0 / len(shares))
        if len(shares) == 2:
            number = shares.index(min(shares))
            count = min(max(1, round(each * shares[number])), self.width)
            shares, each = [count if k == number else self.width / count for k in range(2)], 1.0
        axes = [torch.arange(min(self.width, math.ceil(2.0 * each * share) + FEWEST)) for share in shares]
        orders = torch.cartesian_prod(*axes).reshape(-1, len(shares)).double()
        size = ((orders + 1.0) / torch.tensor(list(shares), dtype=torch.float64)).amax(1)
        kept = torch.sort(size, stable=True).indices[: self.width]
        with torch.no_grad():
            self.orders.copy_(orders[kept])

    def bend(self, number: int, center: float, steepness: float) -> None:
        """Resolve a front along a coordinate (its number among those of `orders`); none where the steepness is 0."""
        with torch.no_grad():
            self.bends[number] = torch.tensor([center, steepness], dtype=torch.float64).to(self.bends)

    def rebalance(self, stretch: Sequence[float] = (), least: Sequence[int] = ()) -> bool:
        """Take orders for which the last coefficients would be as small along each coordinate; whether they change.

        They stay as they are where they would hardly change. stretch: how many times as long the domain of the new ones
        is along each coordinate; empty where it is the same. least: functions along each coordinate, of three.
        """
        counts, orders = self.counts, self.orders.detach().clone()
        stretches, fewest = stretch or [1.0] * len(counts), least or [0] * len(counts)
        self.share(self._wanted(self.width, stretches, fewest))
        changed = any(
            abs(now - before) > max(1.0, 0.1 * before) for now, before in zip(self.counts, counts, strict=True)
        )
        if not changed:
            with torch.no_grad():
                self.orders.copy_(orders)
        return changed

    def suited(self, width: int) -> dict[str, Any]:
        """Options of a network of so many functions, along each coordinate as many as these coefficients ask for."""
        even = [1.0] * len(self.inputs)
        return {"width": width, "shares": self._wanted(width, even, even), "bent": self.bends.detach().tolist()}

    def _wanted(self, width: int, stretch: Sequence[float], least: Sequence[float]) -> list[float]:
        """Functions along each coordinate, of so many in all."""
        return self._by_rate(width, stretch) if len(stretch) < 3 else self._by_fall(width, stretch, least)

    def _by_rate(self, width: int, stretch: Sequence[float]) -> list[float]:
        """From coefficients that fall by one rate along a coordinate: of N functions the last ones are exp(-rate N).

        Of a domain that is s times as long the k-th is s^k times as large.
        """
        lasts = [
            min(math.log(min(max(last, RESOLVED), UNRESOLVED)) + count * math.log(s), math.log(UNRESOLVED))
            for last, count, s in zip(self.last_coefficients(), self.counts, stretch, strict=True)
        ]
        wanted = [-count / last for count, last in zip(self.counts, lasts, strict=True)]
        scale = (width / math.prod(wanted)) ** (1.0 / len(wanted))
        return [_bounded(scale * w, count) for w, count in zip(wanted, self.counts, strict=True)]

    def _by_fall(self, width: int, stretch: Sequence[float], least: Sequence[float]) -> list[float]:
        """From coefficients as they fall where fewer functions would do, beyond by one rate.

        Of three coordinates N is small: a smooth function's coefficients fall at once after its last wave, which a rate
        would take from it.
        """
        counts, lasts = self.counts, self._last_coefficients(stretch)

        def enough(level: float) -> list[float]:
            """Functions along each coordinate for which the last coefficients are down to exp(level)."""
            found = []
            for count, of, fewest in zip(counts, lasts, least, strict=True):
                lowest = math.log(min(max(of[-1], RESOLVED), UNRESOLVED))
                fewer = next((n for n, last in enumerate(of) if last <= math.exp(level)), count)
                wanted = _bounded(count * level / lowest if level < lowest else fewer, count)
                found.append(max(wanted, fewest))
            return found

        low, high = MANY * math.log(RESOLVED), 0.0
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if math.prod(enough(middle)) > width else (low, middle)
        return enough(high)

    def last_coefficients(self) -> list[float]:
        """The root of the share of squared coefficients that is in the last orders along each coordinate.

        Of three coordinates these are three or more: every other one may be zero by symmetry, and few products have the
        very last.
        """
        return [along[-1] for along in self._last_coefficients()]

    def _last_coefficients(self, stretch: Sequence[float] = ()) -> list[list[float]]:
        """The same for the first n functions along each coordinate, from n = 0 on, as if there were no more.

        stretch: as of `rebalance`.
        """
        squares, least = self.last.weight.detach().square().sum(0), LEAST if len(self.inputs) > 2 else 1
        found = []
        for number, (order, count) in enumerate(zip(self._whole.unbind(1), self.counts, strict=True)):
            by_order = squares.new_zeros(count).index_add(0, order, squares)
            by_order *= (stretch[number] if stretch else 1.0) ** (2.0 * torch.arange(count, device=order.device))
            whole = float(by_order.sum())
            from_order = by_order.flip(0).cumsum(0).flip(0).tolist()
            firsts = (max(0, n - max(least, math.ceil(LAST * n))) for n in range(count + 1))
            found.append([math.sqrt(from_order[first] / whole) if whole > 0 else 0.0 for first in firsts])
        return found

    @property
    def linear_parameters(self) -> tuple[str, ...]:
        return ("last.weight",)

    def features(self, x: Values) -> Values:
        return _within(_columns(reduce(_outer, [along.points for along in self._along(x)]), self._places), x)

    def forward(self, x: Values) -> Values:
        if not (isinstance(x, Jet) and isinstance(x.tape, Tape)):
            return _within(self._sums(self._along(x)), x)
        if len(self.inputs) == 1:
            return self.last(self.features(x))
        factors = self._along(x)
        with torch.no_grad():
            z = self._sums(factors)
        first, others = factors[0].points, reduce(_outer, [along.points for along in factors[1:]])
        assert isinstance(z, Jet) and isinstance(first, Jet) and isinstance(others, Jet)
        of_first, of_others = _present(first.coefficients), _present(others.coefficients)
        products = first.channels.products
        capture = SeparateCapture(self.last.weight, of_first, of_others, self._places, products, z.coefficients)
        return Jet(x.tape.products(capture), z.channels, x.tape)

    def _sums(self, factors: Sequence[Along]) -> Values:
        """sum_kl w_kl f_k g_l ... of each output, (n, outputs), coordinate by coordinate, without the products."""
        counts, outputs = self.counts, len(self.last.weight)
        box = self.last.weight.new_zeros(outputs, math.prod(counts)).index_add(1, self._places, self.last.weight)
        grid = on_grid(factors)
        contracted = _at_each if grid is None else _across
        sums = []
        for w in box.reshape(outputs, counts[0], -1):
            z = factors[0].places @ w
            z = factors[0].of_points(z) if grid is None else z
            for along in factors[1:]:
                z = _of_separate(contracted, z, along.points if grid is None else along.places)
            sums.append(z.sum(-1))
        return stack(sums, -1) if grid is None else taken(stack(sums, -1), grid)

    @property
    def _places(self) -> Tensor:
        """Where each product is in the box of the orders, whose last coordinate runs fastest, (width,)."""
        counts = self.counts
        strides = [math.prod(counts[k + 1 :]) for k in range(len(counts))]
        return (self._whole * torch.tensor(strides, device=self.orders.device)).sum(1)

    @property
    def _whole(self) -> Tensor:
        """The orders as whole numbers, also where they were shaken like other parameters."""
        return self.orders.detach().round().clamp(min=0.0).long()

    def _along(self, x: Values) -> list[Along]:
        """The functions of each coordinate."""
        return functions(x, self.inputs, self.counts, self.bends.detach().tolist())


def _bounded(wanted: float, count: int) -> float:
    """Functions along a coordinate where there were `count`: not too many more or fewer at once."""
    return max(FEWEST, min(max(wanted, count / CHANGE), count * CHANGE))


def _of_separate(product: Callable[[Tensor, Tensor], Tensor], f: Values, g: Values) -> Values:
    """A bilinear function of functions of different coordinates: of the sums in its derivatives most terms are zero."""
    if not isinstance(f, Jet) or not isinstance(g, Jet):
        return product(f, g)  # type: ignore[arg-type]
    x, y = _present(f.coefficients), _present(g.coefficients)
    whole: list[Tensor] = []
    for products in f.channels.products:
        parts = [(factor, product(x[i], y[j])) for factor, i, j in products if i in x and j in y]
        summands = [part if factor == 1.0 else factor * part for factor, part in parts]
        whole.append(reduce(add, summands) if summands else torch.zeros_like(whole[0]))
    return Jet(torch.stack(whole), f.channels)


def _present(coefficients: Tensor) -> dict[int, Tensor]:
    """The channels that are not zero everywhere, by number, the value's always."""
    return {k: channel for k, channel in enumerate(coefficients) if k == 0 or is_present(channel)}


def _outer(f: Values, g: Values) -> Values:
    """All products (n, p q) of functions (n, p) and (n, q) of different coordinates."""
    return _of_separate(lambda x, y: (x.unsqueeze(-1) * y.unsqueeze(-2)).flatten(-2), f, g)


def _at_each(z: Tensor, g: Tensor) -> Tensor:
    """sum_k g_k z_k at each point: z (n, count rest), g (n, count) -> (n, rest)."""
    return torch.einsum("na,nab->nb", g, z.unflatten(-1, (g.shape[-1], -1)))


def _across(z: Tensor, g: Tensor) -> Tensor:
    """The same at all pairs of their places: z (k, count rest), g (m, count) -> (k m, rest)."""
    return (g @ z.unflatten(-1, (g.shape[-1], -1))).flatten(0, 1)


def _within(values: Values, x: Values) -> Values:
    """The same in the pass that x belongs to."""
    if not isinstance(values, Jet) or not isinstance(x, Jet):
        return values
    return Jet(values.coefficients, values.channels, x.tape)


def _columns(values: Values, numbers: Tensor) -> Values:
    """The columns of these numbers."""
    if isinstance(values, Jet):
        return values.with_coefficients(values.coefficients[..., numbers])  # eight times as fast as `index_select`
    return values[..., numbers]
