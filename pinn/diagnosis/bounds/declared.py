"""What a problem declares of its stability, and the bound of the error that follows from it.

With the trained function v, the solution u and the residual r of v, stability says how large e = v - u can be. All
norms are L2 norms over the domain, of all fields together. Conditions hold exactly of v here; `bounding` sees to it.

A posteriori bounds of neural networks: Mishra & Molinaro 2023 (arXiv 2006.16144), De Ryck & Mishra 2022 (arXiv
2203.09346), Hillebrecht & Unger 2022 (arXiv 2203.17055).
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pinn.basis.arguments import argument_names
from pinn.basis.errors import require
from pinn.problem import Problem
from pinn.terms.base import Value


@dataclass(frozen=True)
class Mismatch:
    """Upper bounds of what a function does wrong, in each of c parts of space and s slabs of time.

    residual: its L2 norm (c, s). jumps: of the function (row 0) and of its velocity (row 1) at the beginning of a slab,
    L2 norms over space (m, c, s); the first slab's are from the initial data. growth: the largest rate in each (c, s).
    largest: |v| there (c, s). lengths: of the slabs (s,). measure: of space. A steady problem has one slab of length 1
    and no jumps.
    """

    residual: Tensor
    jumps: Tensor
    growth: Tensor
    largest: Tensor
    lengths: Tensor
    measure: float


class ErrorBound(ABC):
    """What `Problem.error_bound` returns: a constant of the equation, by which the residual bounds the error."""

    order: ClassVar[int]  # of the equation in time
    growth: Value = 0.0  # of errors in time: a number or a function of named quantities of the trained function
    is_local: bool = False  # whether each place evolves for itself

    def check(self, problem: Problem) -> None:
        """Raises UserError where the declaration does not fit the problem."""
        kind, timed = type(self).__name__, problem.domain.time is not None
        wanted = "a problem with time" if self.order else "a steady problem"
        other = "SteadyBound" if self.order else "EvolutionBound or WaveBound"
        require(timed == bool(self.order), f"{kind} is for {wanted}, {problem.name} is not; try {other}")
        if callable(self.growth):
            for name in argument_names(self.growth):
                problem.vocabulary.resolve(name, f"the growth of {problem.name}'s {kind}")

    @abstractmethod
    def absolute(self, mismatch: Mismatch) -> float:
        """The bound of ||e|| over the domain."""


class SteadyBound(ErrorBound):
    """A steady equation whose inverse is bounded:  ||e|| <= constant ||r||.

    Where the operator is self-adjoint, the constant is 1 over the least distance of its spectrum from zero, by the
    expansion of e in eigenfunctions (Courant & Hilbert 1953, doi:10.1002/9783527617210, chapter V): for -lap u = f with
    u given on the boundary 1 / lambda_1, which on a box with edges L_i is  1 / (pi^2 sum_i 1 / L_i^2)  and on any
    domain at most that of a box around it; for lap u + k^2 u = f it is  max_j 1 / |lambda_j - k^2|.
    constant: in the units of u over those of the residual as the equation is written; > 0.
    """

    order = 0

    def __init__(self, constant: float) -> None:
        self.constant = positive("constant", constant)

    def absolute(self, mismatch: Mismatch) -> float:
        return self.constant * float(mismatch.residual.square().sum().sqrt())


class EvolutionBound(ErrorBound):
    """An equation of first order in time, whose errors grow at most so fast:  d/dt ||e|| <= growth ||e|| + ||r||.

    So, by Gronwall,  ||e(t)|| <= exp(G(0, t)) ||e(0)|| + integral_0^t exp(G(s, t)) ||r(s)|| ds  with the growth's
    integral G(s, t). The equation is to be written with the factor 1 or -1 on u_t. The growth is what
    (F(v) - F(u), v - u) <= growth ||v - u||^2  holds with in u_t = F(u) (Hillebrecht & Unger 2022, arXiv 2203.17055,
    theorem 3.4; dissipative operators: Pazy 1983, doi:10.1007/978-1-4612-5561-1, section 1.4): -kappa lambda_1 of
    the heat equation, 0 of transport with a period, the largest slope of a reaction.

    growth: a number (1 / time; negative where errors decay), or a function of named quantities of the trained function
    such as `lambda u_x: -u_x / 2`, whose maximum over space is taken in each slab of time.
    local: there is no derivative in space, so that each part of space has its own growth.
    """

    order = 1

    def __init__(self, growth: Value = 0.0, *, local: bool = False) -> None:
        rate = callable(growth) or (isinstance(growth, (int, float)) and math.isfinite(growth))
        require(rate, f"growth must be a finite number or a function of named quantities, got {growth!r}")
        self.growth, self.is_local = growth, local

    def absolute(self, mismatch: Mismatch) -> float:
        return float(self.in_slabs(mismatch).square().sum().sqrt())

    def in_slabs(self, mismatch: Mismatch) -> Tensor:
        """The bound of the L2 norm of e over each part of space and slab of time (c, s).

        Within a slab  y(s) <= exp(g s) y(0) + phi(2 g, s)^(1/2) ||r||  by Cauchy & Schwarz, phi(a, s) the integral of
        exp(a s) from 0 to s; its norm in time by Minkowski.
        """
        y = torch.zeros_like(mismatch.residual[:, 0])
        norms = []
        for j, length in enumerate(mismatch.lengths):
            g, r = mismatch.growth[:, j], mismatch.residual[:, j]
            y = y + mismatch.jumps[0, :, j]
            norms.append(y * integral(2 * g, length).sqrt() + r * second_integral(2 * g, length).sqrt())
            y = torch.exp(g * length) * y + integral(2 * g, length).sqrt() * r
        return torch.stack(norms, 1)


class ConservationBound(EvolutionBound):
    """A scalar conservation law  u_t + f(u)_x = nu u_xx  with nu >= 0: the better of two bounds, in each slab of time.

    One is that of `EvolutionBound`. The other: such equations contract in L1,
    ||e(t)||_1 <= ||e(0)||_1 + integral_0^t ||r(s)||_1 ds  (Kruzhkov 1970, doi:10.1070/SM1970v010n02ABEH002156),  and
    ||e||_2^2 <= ||e||_1 max|e|  with  max|e| <= max|v| + max|u|:  however steep a front, it does not grow
    exponentially, but goes as the root of the residual.

    growth: as of `EvolutionBound`; `lambda u_x: -u_x / 2` where f = u^2 / 2.
    largest: a bound of |u|, by the maximum principle that of its initial and boundary data; > 0.
    """

    def __init__(self, growth: Value, largest: float) -> None:
        super().__init__(growth)
        self.largest = positive("largest", largest)

    def in_slabs(self, mismatch: Mismatch) -> Tensor:
        r, lengths = mismatch.residual[0], mismatch.lengths
        added = mismatch.jumps[0, 0] + lengths.sqrt() * r  # in a slab, in L2 over space
        in_l1 = mismatch.measure**0.5 * added.cumsum(0)
        by_contraction = (in_l1 * (mismatch.largest[0] + self.largest) * lengths).sqrt()
        return torch.fmin(super().in_slabs(mismatch), by_contraction[None])  # the former may have overflowed


class WaveBound(ErrorBound):
    """An equation  u_tt + A u = f  with a self-adjoint A >= frequency^2, such as the wave equation.

    By Duhamel's formula and the expansion in eigenfunctions of A, with m(s) = min(s, 1 / frequency) >= |sin(w s) / w|,
    ||e(t)|| <= ||e(0)|| + m(t) ||e_t(0)|| + integral_0^t m(t - s) ||r(s)|| ds  (Lions & Magenes 1972,
    doi:10.1007/978-3-642-65161-8, chapter 3, section 8). The equation is to be written with the factor 1 or -1 on u_tt.
    frequency: the lowest, in radians a unit of time; c pi / L of  u_tt = c^2 u_xx  with u given at both ends; >= 0.
    """

    order = 2

    def __init__(self, frequency: float) -> None:
        fine = isinstance(frequency, (int, float)) and 0 <= frequency < math.inf
        require(fine, f"frequency must be a number >= 0 and finite, got {frequency!r}")
        self.longest = 1 / frequency if frequency else math.inf

    def absolute(self, mismatch: Mismatch) -> float:
        lengths = mismatch.lengths
        ends = lengths.cumsum(0)
        elapsed = ends[:, None] - (ends - lengths)[None, :]  # (s, s), from the beginning of slab i to the end of slab j
        reach = torch.where(elapsed > 0, elapsed.clamp_max(self.longest), torch.zeros_like(elapsed))
        begun = (elapsed > 0).to(reach)
        values, rates = (jump.square().sum(0).sqrt() for jump in mismatch.jumps)
        r = mismatch.residual.square().sum(0).sqrt()
        y = begun @ values + reach @ (rates + lengths.sqrt() * r)
        return float((lengths * y.square()).sum().sqrt())


def positive(name: str, value: float) -> float:
    """The number; raises UserError where it is not positive and finite."""
    fine = isinstance(value, (int, float)) and 0 < value < math.inf
    require(fine, f"{name} must be a number > 0 and finite, got {value!r}")
    return float(value)


def integral(a: Tensor, s: Tensor) -> Tensor:
    """The integral of exp(a t) over t from 0 to s."""
    z = a * s
    near = z.abs() < 1e-4
    return s * torch.where(near, 1 + z / 2 + z**2 / 6, torch.expm1(z) / torch.where(near, torch.ones_like(z), z))


def second_integral(a: Tensor, s: Tensor) -> Tensor:
    """The integral of `integral` over s from 0 to s."""
    z = a * s
    near = z.abs() < 1e-3
    safe = torch.where(near, torch.ones_like(z), z)
    return s**2 * torch.where(near, 0.5 + z / 6 + z**2 / 24 + z**3 / 120, (torch.expm1(z) - z) / safe**2)
