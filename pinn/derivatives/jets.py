"""Jets: a quantity together with its derivatives in the coordinates, propagated forward through any torch code.

A `Jet` holds its channels (see `Channels`) stacked in one tensor of shape (c, n, ...) and takes part in torch
functions through `__torch_function__`, so that an unchanged `nn.Module` maps jets to jets. Channels are derivatives
(not Taylor coefficients): the channel of u_xx holds d^2 u / dx^2.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast, overload

import torch
import torch.nn.functional as F
from torch import Tensor

from pinn.basis.errors import UserError
from pinn.derivatives.channels import Channels
from pinn.derivatives.composition import Pass, compose, linear_coefficients
from pinn.derivatives.elementary import ELEMENTARY, Derivatives, power
from pinn.derivatives.names import Symbol
from pinn.derivatives.numpy_calls import numpy_refused
from pinn.derivatives.piecewise import COMPARISONS
from pinn.derivatives.rules import RULES, NoJetRule, rule


class NoJetMethod(NoJetRule, AttributeError):
    """The same, for a method of a jet."""


class Jet:
    """A quantity of logical shape (n, ...) with its derivatives.

    coefficients: tensor of shape (c, n, ...), channel 0 the value.
    channels: which derivatives the first axis holds.
    tape: where set, how the pass is done and what it records (see `pinn.derivatives.composition` and `tape`).
    """

    __slots__ = ("channels", "coefficients", "tape")

    def __init__(self, coefficients: Tensor, channels: Channels, tape: Pass | None = None) -> None:
        self.coefficients = coefficients
        self.channels = channels
        self.tape = tape

    @classmethod
    def __torch_function__(cls, func: Callable, types: Sequence, args: tuple = (), kwargs: Any = None) -> Any:
        implementation = RULES.get(func)
        if implementation is None:
            raise NoJetRule(
                f"Taylor mode has no rule for {getattr(func, '__name__', func)!r}; use derivatives=reverse "
                "(or auto), or write the module with operations that have one"
            )
        return implementation(*args, **(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        function = getattr(torch, name, None) or getattr(F, name, None)
        if name.startswith("_") or function not in RULES:
            raise NoJetMethod(f"Taylor mode has no rule for the method {name!r}; use derivatives=reverse (or auto)")
        return lambda *args, **kwargs: RULES[function](self, *args, **kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise numpy_refused()

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        of_torch = RULES.get(getattr(torch, ufunc.__name__, None))  # type: ignore[arg-type]
        if of_torch is not None and len(args) == 2 and all(isinstance(a, Jet) or not a.ndim for a in args):
            # np.float64(2) * jet: numpy's scalars are numbers
            return of_torch(*(a if isinstance(a, Jet) else float(a) for a in args))
        raise numpy_refused(ufunc.__name__)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Jet(shape={tuple(self.shape)}, channels={len(self.channels)}, order={self.channels.order})"

    @property
    def value(self) -> Tensor:
        return self.coefficients[0]

    @property
    def shape(self) -> torch.Size:
        return self.coefficients.shape[1:]

    @property
    def ndim(self) -> int:
        return self.coefficients.ndim - 1

    @property
    def dtype(self) -> torch.dtype:
        return self.coefficients.dtype

    @property
    def device(self) -> torch.device:
        return self.coefficients.device

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        return self.ndim

    def with_coefficients(self, coefficients: Tensor) -> "Jet":
        return Jet(coefficients, self.channels, self.tape)

    def constant(self, other: Tensor | float) -> "Jet":
        """A number or a plain tensor as a jet that meets this one: its derivatives are zero."""
        value = torch.as_tensor(_constant(self, other), dtype=self.dtype, device=self.device).unsqueeze(0)
        return self.with_coefficients(torch.cat([value, value.new_zeros(len(self.channels) - 1, *value.shape[1:])]))

    def derivative(self, symbol: Symbol) -> Tensor:
        """The derivative `symbol`, shape (n, ...); it must be one of the channels."""
        return self.coefficients[self.channels.index[symbol]]

    def differentiated(self, symbol: Symbol, channels: Channels) -> "Jet":
        """The jet of the derivative `symbol` of this quantity, carrying `channels`."""
        picked = [self.channels.index[symbol + other] for other in channels.symbols]
        if picked == list(range(len(self.channels))):
            return self
        # slices, for a list of indices would be copied to a GPU, which waits for it
        parts = [self.coefficients[k : k + 1] for k in picked]
        return Jet(parts[0] if len(parts) == 1 else torch.cat(parts), channels, self.tape)

    def __getitem__(self, key: Any) -> "Jet":
        keys = key if isinstance(key, tuple) else (key,)
        return self.with_coefficients(self.coefficients[(slice(None), *keys)])

    def __neg__(self) -> "Jet":
        return self.with_coefficients(-self.coefficients)

    def __add__(self, other: "Operand") -> "Jet":
        return _plus(self, other)

    def __sub__(self, other: "Operand") -> "Jet":
        return _plus(self, -other)

    def __rsub__(self, other: "Operand") -> "Jet":
        return _plus(-self, other)

    def __mul__(self, other: "Operand") -> "Jet":
        return _times(self, other)

    def __truediv__(self, other: "Operand") -> "Jet":
        return _divide(self, other)

    def __rtruediv__(self, other: "Operand") -> "Jet":
        return _divide(other, self)

    def __pow__(self, exponent: "Operand") -> "Jet":
        return _power(self, exponent)

    def __rpow__(self, base: "Operand") -> "Jet":
        return _power(base, self)

    def __matmul__(self, matrix: Tensor) -> "Jet":
        return _matmul(self, matrix)

    __radd__ = __add__
    __rmul__ = __mul__

    def __lt__(self, other: "Operand") -> Tensor:
        return COMPARISONS["lt"](self, other)

    def __le__(self, other: "Operand") -> Tensor:
        return COMPARISONS["le"](self, other)

    def __gt__(self, other: "Operand") -> Tensor:
        return COMPARISONS["gt"](self, other)

    def __ge__(self, other: "Operand") -> Tensor:
        return COMPARISONS["ge"](self, other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return COMPARISONS["eq"](self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return COMPARISONS["ne"](self, other)

    __hash__ = object.__hash__


Values = Tensor | Jet
Fields = dict[str, Values]
Operand = Values | float

# Torch's own functions, with the types that they have by `Jet.__torch_function__`.
linear = cast(Callable[..., Values], F.linear)
cat = cast(Callable[[Sequence[Values], int], Values], torch.cat)
stack = cast(Callable[[Sequence[Values], int], Values], torch.stack)


def coordinate_jet(points: Tensor, channels: Channels, tape: Pass | None = None, along: Tensor | None = None) -> Jet:
    """The jet of the coordinates themselves: points (n, d) -> logical shape (n, d), d x_i / d x_j = delta_ij.

    along: (n, k, d), directions of the channels' derivatives after those of the d coordinates.
    """
    d = points.shape[1]
    seeds = list(points.new_zeros(len(channels), d).unbind())
    for i, channel in channels.slopes.items():
        if i < d:
            seeds[channel].narrow(0, i, 1).fill_(1.0)  # an assignment would wait for a GPU
        elif along is not None:
            seeds[channel] = along[:, i - d]
    return Jet(torch.stack([points, *(seed.expand_as(points) for seed in seeds[1:])]), channels, tape)


def _pair(a: Jet, b: Jet) -> tuple[Tensor, Tensor]:
    """The coefficients of two jets with their logical shapes made to broadcast."""
    if a.channels is not b.channels and a.channels != b.channels:
        raise UserError("two jets with different sets of derivatives met; this is a defect of pinn, please report it")
    x, y = a.coefficients, b.coefficients
    while x.ndim < y.ndim:
        x = x.unsqueeze(1)
    while y.ndim < x.ndim:
        y = y.unsqueeze(1)
    return x, y


@overload
def _constant(jet: Jet, other: Tensor) -> Tensor: ...
@overload
def _constant(jet: Jet, other: Tensor | float) -> Tensor | float: ...
def _constant(jet: Jet, other: Tensor | float) -> Tensor | float:
    """A number or a plain tensor that meets a jet; recorded where it depends on parameters."""
    if isinstance(other, Tensor) and jet.tape is not None and other.requires_grad:
        return jet.tape.spread(other, jet.ndim)
    return other


def _jet_first(a: Operand, b: Operand) -> tuple[Jet, Operand]:
    """The two operands, one of which is a jet, with a jet as the first."""
    return (a, b) if isinstance(a, Jet) else (b, a)  # type: ignore[return-value]


def _plus(jet: Jet, other: Operand) -> Jet:
    if isinstance(other, Jet):
        x, y = _pair(jet, other)
        return Jet(x + y, jet.channels, jet.tape or other.tape)
    value = jet.value + _constant(jet, other)
    if len(jet.channels) == 1:
        return jet.with_coefficients(value.unsqueeze(0))
    rest = jet.coefficients[1:]
    return jet.with_coefficients(torch.cat([value.unsqueeze(0), rest.expand(-1, *value.shape)]))


def _times(jet: Jet, other: Operand) -> Jet:
    if not isinstance(other, Jet):
        other = _constant(jet, other)
        if isinstance(other, Tensor) and other.ndim > jet.ndim:
            jet = jet[(None,) * (other.ndim - jet.ndim)]
        return jet.with_coefficients(jet.coefficients * other)
    x, y = _pair(jet, other)
    terms = [x[0] * y[0]]
    for products in jet.channels.products[1:]:
        summands = [x[i] * y[j] if coefficient == 1.0 else coefficient * x[i] * y[j] for coefficient, i, j in products]
        terms.append(sum(summands[1:], start=summands[0]))
    return Jet(torch.stack(terms), jet.channels, jet.tape or other.tape)


@rule(torch.add, torch.Tensor.add, torch.Tensor.__radd__)
def _add(a: Operand, b: Operand, *, alpha: float = 1) -> Jet:
    return _plus(*_jet_first(a, b if alpha == 1 else b * alpha))


@rule(torch.sub, torch.Tensor.sub, torch.subtract)
def _subtract(a: Operand, b: Operand, *, alpha: float = 1) -> Jet:
    return _plus(*_jet_first(a, -b if alpha == 1 else -alpha * b))


@rule(torch.Tensor.__rsub__, torch.rsub)
def _rsubtract(a: Operand, b: Operand) -> Jet:
    return _plus(*_jet_first(b, -a))


rule(torch.neg, torch.Tensor.neg, torch.Tensor.__neg__)(Jet.__neg__)


@rule(torch.mul, torch.Tensor.mul, torch.multiply, torch.Tensor.__rmul__)
def _multiply(a: Operand, b: Operand) -> Jet:
    return _times(*_jet_first(a, b))


@rule(
    torch.div,
    torch.Tensor.div,
    torch.true_divide,
    torch.divide,
    torch.Tensor.__rdiv__,
    torch.Tensor.__rtruediv__,
)
def _divide(a: Operand, b: Operand) -> Jet:
    if isinstance(b, Jet):
        return _times(_compose(b, power(-1.0)), a)
    jet, _ = _jet_first(a, b)
    return jet.with_coefficients(jet.coefficients / _constant(jet, b))


@rule(torch.pow, torch.Tensor.pow, torch.Tensor.__rpow__)
def _power(base: Operand, exponent: Operand) -> Jet:
    if isinstance(exponent, Jet):
        logarithm = base.log() if isinstance(base, Jet) else torch.as_tensor(base, dtype=exponent.dtype).log()
        return _compose(_times(exponent, logarithm), ELEMENTARY[torch.exp])
    jet, _ = _jet_first(base, exponent)
    if isinstance(exponent, int) and 1 <= exponent <= 4:
        power_of_jet = jet
        for _ in range(exponent - 1):
            power_of_jet = _times(power_of_jet, jet)
        return power_of_jet
    if isinstance(exponent, Tensor):
        if exponent.requires_grad or exponent.numel() != 1:
            raise NoJetRule("Taylor mode has no rule for a tensor as an exponent; use derivatives=reverse")
        exponent = exponent.item()
    return _compose(jet, power(float(exponent)))


@rule(torch.square, torch.Tensor.square)
def _square(a: Jet) -> Jet:
    return _times(a, a)


def _compose(jet: Jet, derivatives: Derivatives) -> Jet:
    """s(z) for an elementary function s."""
    apply = compose if jet.tape is None else jet.tape.compose
    return jet.with_coefficients(apply(jet.coefficients, jet.channels, derivatives))


# The options of elementary functions and the only values that the rules below hold for, in torch's order.
OPTIONS: dict[Callable, dict[str, Any]] = {
    F.softplus: {"beta": 1.0, "threshold": 20.0},
    F.gelu: {"approximate": "none"},
    F.silu: {"inplace": False},
    F.relu: {"inplace": False},
}


def _make_elementary(function: Callable, derivatives: Derivatives) -> Callable:
    usual = OPTIONS.get(function, {})

    def elementary(jet: Jet, *args: Any, **kwargs: Any) -> Jet:
        options = dict(zip(usual, args, strict=False)) | kwargs
        unusual = {name: value for name, value in options.items() if name not in usual or value != usual[name]}
        if unusual or len(args) > len(usual):
            raise NoJetRule(
                f"Taylor mode has no rule for {function.__name__} with {unusual or args}; use derivatives=reverse"
            )
        return _compose(jet, derivatives)

    return elementary


RULES |= {function: _make_elementary(function, derivatives) for function, derivatives in ELEMENTARY.items()}


@rule(F.linear)
def _linear(jet: Values, weight: Tensor, bias: Tensor | None = None) -> Jet:
    if not isinstance(jet, Jet):
        raise NoJetRule("Taylor mode has no rule for a linear layer whose weight depends on the point")
    if jet.tape is not None:
        return jet.with_coefficients(jet.tape.linear(jet.coefficients, weight, bias))
    return jet.with_coefficients(linear_coefficients(jet.coefficients, weight, bias))


@rule(torch.matmul, torch.Tensor.matmul, torch.mm, torch.Tensor.__matmul__)
def _matmul(a: Values, b: Values) -> Jet:
    if isinstance(a, Jet) and isinstance(b, Tensor) and b.ndim == 2:
        return _linear(a, b.mT)
    raise NoJetRule("Taylor mode has a rule for jet @ matrix only; use derivatives=reverse")


def _make_joining(join: Callable) -> Callable:
    def joined(parts: Sequence[Values], dim: int = 0) -> Jet:
        jets = _as_jets(parts)
        axis = dim + 1 if dim >= 0 else dim
        return jets[0].with_coefficients(join([part.coefficients for part in jets], axis))

    return joined


RULES |= {join: _make_joining(join) for join in (torch.cat, torch.concat, torch.concatenate, torch.stack)}


def _as_jets(parts: Sequence[Values]) -> list[Jet]:
    """Constants among the parts become jets with zero derivatives."""
    model = next(part for part in parts if isinstance(part, Jet))
    return [part if isinstance(part, Jet) else model.constant(part) for part in parts]


@rule(torch.einsum)
def _einsum(equation: str, *operands: Values) -> Jet:
    """einsum of one jet with plain tensors, such as 'ni,oi->no'."""
    places = [k for k, operand in enumerate(operands) if isinstance(operand, Jet)]
    if len(places) != 1 or "..." in equation or "->" not in equation:
        raise NoJetRule("Taylor mode knows einsum of one jet with plain tensors and an explicit output only")
    jet, _ = _jet_first(operands[places[0]], 1.0)
    if jet.tape is not None and any(isinstance(o, Tensor) and o.requires_grad for o in operands if o is not jet):
        raise NoJetRule("the captured parameter Jacobian has no rule for einsum with parameters")
    inputs, output = equation.replace(" ", "").split("->")
    letters = inputs.split(",")
    letters[places[0]] = "Z" + letters[places[0]]
    plain = [jet.coefficients if k == places[0] else operand for k, operand in enumerate(operands)]
    return jet.with_coefficients(torch.einsum(",".join(letters) + "->Z" + output, *plain))
