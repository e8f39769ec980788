"""Derivatives of elementary functions to any order.

Each entry maps (z, order) to the list [s(z), s'(z), ..., s^(order)(z)], every one of z's shape.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from numpy.polynomial.hermite_e import herme2poly
from numpy.polynomial.polynomial import polyder, polymul
from torch import Tensor

Derivatives = Callable[[Tensor, int], list[Tensor]]


def _horner(coefficients: tuple[float, ...], t: Tensor) -> Tensor:
    """c_0 + c_1 t + c_2 t^2 + ... ."""
    total = torch.full_like(t, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * t + coefficient if coefficient else total * t
    return total


@lru_cache(maxsize=64)
def _riccati_polynomial(k: int, slope: tuple[float, ...]) -> tuple[float, ...]:
    """P_k with s^(k) = P_k(s) for a function whose derivative is a polynomial of itself, s' = slope(s)."""
    if k == 0:
        return (0.0, 1.0)
    return tuple(polymul(polyder(_riccati_polynomial(k - 1, slope)), slope).tolist())


def _tanh(z: Tensor, order: int) -> list[Tensor]:
    t = torch.tanh(z)
    derivatives = [t]
    if order >= 1:
        derivatives.append(1.0 - t * t)
    if order >= 2:
        derivatives.append(-2.0 * t * derivatives[1])
    if order >= 3:
        derivatives.append(derivatives[1] * (4.0 - 6.0 * derivatives[1]))
    for k in range(4, order + 1):
        derivatives.append(_horner(_riccati_polynomial(k, (1.0, 0.0, -1.0)), t))
    return derivatives


def _sigmoid(z: Tensor, order: int) -> list[Tensor]:
    s = torch.sigmoid(z)
    return [s] + [_horner(_riccati_polynomial(k, (0.0, 1.0, -1.0)), s) for k in range(1, order + 1)]


def _sin(z: Tensor, order: int) -> list[Tensor]:
    sine, cosine = torch.sin(z), torch.cos(z) if order else z
    cycle = [sine, cosine, -sine, -cosine] if order > 1 else [sine, cosine]
    return [cycle[k % 4] for k in range(order + 1)]


def _cos(z: Tensor, order: int) -> list[Tensor]:
    sine, cosine = torch.sin(z), torch.cos(z)
    cycle = [cosine, -sine, -cosine, sine]
    return [cycle[k % 4] for k in range(order + 1)]


def _exp(z: Tensor, order: int) -> list[Tensor]:
    return [torch.exp(z)] * (order + 1)


def _sinh(z: Tensor, order: int) -> list[Tensor]:
    cycle = [torch.sinh(z), torch.cosh(z)]
    return [cycle[k % 2] for k in range(order + 1)]


def _cosh(z: Tensor, order: int) -> list[Tensor]:
    cycle = [torch.cosh(z), torch.sinh(z)]
    return [cycle[k % 2] for k in range(order + 1)]


@lru_cache(maxsize=64)
def power(exponent: float) -> Derivatives:
    """z^a: a (a - 1) ... (a - k + 1) z^(a - k)."""

    def derivatives(z: Tensor, order: int) -> list[Tensor]:
        powers, factor = [], 1.0
        for k in range(order + 1):
            powers.append(torch.zeros_like(z) if factor == 0.0 else factor * z ** (exponent - k))
            factor *= exponent - k
        return powers

    return derivatives


def _log(z: Tensor, order: int) -> list[Tensor]:
    return [torch.log(z)] + (power(-1.0)(z, order - 1) if order else [])


def _log1p(z: Tensor, order: int) -> list[Tensor]:
    return [torch.log1p(z)] + (power(-1.0)(1.0 + z, order - 1) if order else [])


def _softplus(z: Tensor, order: int) -> list[Tensor]:
    return [F.softplus(z)] + (_sigmoid(z, order - 1) if order else [])


def _times_identity(value: Tensor, factor: list[Tensor], z: Tensor, order: int) -> list[Tensor]:
    """The derivatives of z f(z): z f^(k) + k f^(k-1)."""
    return [value] + [z * factor[k] + k * factor[k - 1] for k in range(1, order + 1)]


def _silu(z: Tensor, order: int) -> list[Tensor]:
    return _times_identity(F.silu(z), _sigmoid(z, order), z, order)


@lru_cache(maxsize=64)
def _hermite(k: int) -> tuple[float, ...]:
    """Coefficients of the probabilists' Hermite polynomial He_k, lowest power first."""
    return tuple(herme2poly([0.0] * k + [1.0]).tolist())


def _gaussian_derivatives(z: Tensor, order: int, scale: float) -> list[Tensor]:
    """scale exp(-z^2 / 2) and its derivatives: (-1)^k He_k(z) scale exp(-z^2 / 2)."""
    density = scale * torch.exp(-0.5 * z * z)
    return [(-1.0) ** k * _horner(_hermite(k), z) * density for k in range(order + 1)]


def _gelu(z: Tensor, order: int) -> list[Tensor]:
    cumulative = [0.5 * (1.0 + torch.erf(z / math.sqrt(2.0)))]
    if order:
        cumulative += _gaussian_derivatives(z, order - 1, 1.0 / math.sqrt(2.0 * math.pi))
    return _times_identity(F.gelu(z), cumulative, z, order)


def _erf(z: Tensor, order: int) -> list[Tensor]:
    if not order:
        return [torch.erf(z)]
    root = math.sqrt(2.0)  # erf'(z) = 2/sqrt(pi) exp(-(root z)^2 / 2)
    inner = _gaussian_derivatives(root * z, order - 1, 2.0 / math.sqrt(math.pi))
    return [torch.erf(z)] + [root**k * term for k, term in enumerate(inner)]


def _atan(z: Tensor, order: int) -> list[Tensor]:
    """s' = q with q = 1/(1 + z^2); from (1 + z^2) q = 1: (1 + z^2) q^(k) = -2 k z q^(k-1) - k (k-1) q^(k-2)."""
    inverse = 1.0 / (1.0 + z * z)
    slopes = [inverse]
    for k in range(1, order):
        term = 2.0 * k * z * slopes[k - 1]
        if k > 1:
            term = term + k * (k - 1) * slopes[k - 2]
        slopes.append(-inverse * term)
    return [torch.atan(z), *slopes[:order]]


def _asinh(z: Tensor, order: int) -> list[Tensor]:
    """s' = q with q = (1 + z^2)^(-1/2); from (1 + z^2) q' + z q = 0, differentiated k times."""
    inverse = 1.0 / (1.0 + z * z)
    slopes = [inverse.sqrt()]
    for k in range(order - 1):
        term = (2 * k + 1) * z * slopes[k]
        if k > 0:
            term = term + k**2 * slopes[k - 1]
        slopes.append(-inverse * term)
    return [torch.asinh(z), *slopes[:order]]


def _abs(z: Tensor, order: int) -> list[Tensor]:
    """Away from zero: |z|, sign z, 0, 0, ..."""
    return [z.abs(), torch.sign(z)][: order + 1] + [torch.zeros_like(z)] * (order - 1)


def _relu(z: Tensor, order: int) -> list[Tensor]:
    return [F.relu(z), (z > 0).to(z.dtype)][: order + 1] + [torch.zeros_like(z)] * (order - 1)


BY_NAME: dict[str, Derivatives] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "sin": _sin,
    "cos": _cos,
    "exp": _exp,
    "sinh": _sinh,
    "cosh": _cosh,
    "log": _log,
    "log1p": _log1p,
    "sqrt": power(0.5),
    "rsqrt": power(-0.5),
    "reciprocal": power(-1.0),
    "softplus": _softplus,
    "silu": _silu,
    "gelu": _gelu,
    "erf": _erf,
    "atan": _atan,
    "arctan": _atan,
    "asinh": _asinh,
    "arcsinh": _asinh,
    "abs": _abs,
    "relu": _relu,
}
ELEMENTARY: dict[Callable, Derivatives] = {
    getattr(home, name): derivatives
    for name, derivatives in BY_NAME.items()
    for home in (torch, torch.Tensor, F)
    if hasattr(home, name)
}
