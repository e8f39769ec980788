"""Conservation laws whose solutions have shocks."""

import copy
from typing import Self

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.sampling.given import BalanceRegion
from pinn.terms.base import Equation, Term, Value, as_function

VISCOSITY = 2e-5  # where none is told, of extent^2 / duration
STEEP = 10.0  # changes by its size over the domain's extent, from which a density is steep
POWER = 0.75  # of the steepness, that the residual is divided by


class Conservation(Term):
    """A density q is conserved, across shocks, too: `Conservation("m", x="momentum_flux")` with fluxes F by coordinate.

    (q_t + sum_i dF_i/dx_i - s - nu sum_i q_ii) / (1 + a)^(3/4),  a = sum_i |q_i| extent_i / (10 size),

    vanishes. The artificial viscosity nu selects the solution whose entropy grows, and is small: a shock's own width
    is about 4 nu over the jump of its speed. Steep places count less, or the mean square of a thin layer's residual
    would be all that counts, as in Liu et al. 2022 (arXiv 2206.03864), there by 1 + a, in compressions alone and
    without a viscosity: with 1 + a training was seen to stop at sharp shocks of wrong speeds. Where space is a box and
    s is zero a term `WholeBalance` goes with it, which tells the speed.

    density, fluxes: names of fields or derived quantities. source: s, a number or a function of named quantities.
    viscosity: nu, in length^2 / time, > 0; None is 2e-5 extent^2 / duration, of the least extent. size: of changes of
    q, in its unit, > 0. Training begins with larger viscosities (`Stage.smoothing`).
    """

    weight = 0.1
    has_fronts = True

    def __init__(
        self,
        density: str,
        *,
        source: Value = 0.0,
        viscosity: float | None = None,
        size: float = 1.0,
        **fluxes: str,
    ) -> None:
        require(bool(fluxes), f'Conservation needs a flux by coordinate; try Conservation("{density}", x="flux")')
        for name, number in (("viscosity", viscosity), ("size", size)):
            known = number is None or 0 < number < float("inf")
            require(known, f"{name} of Conservation must be > 0 and finite, got {number}")
        self.density = density
        self.fluxes = fluxes
        self.source = source
        self.viscosity = viscosity
        self.size = size
        self.smoothing = 1.0
        self._time: str | None = None
        self._extents: dict[str, float] = {}

    def settled(self, domain: Domain) -> Self:
        space, example = domain.space_coordinates, "Box(x=(0, 1)) * Time(t=(0, 1))"
        require(domain.time is not None and bool(space), f"Conservation needs space and a time, such as {example}")
        unlike = set(self.fluxes) ^ set(space)
        got = f"the coordinates of space are {', '.join(space)}, got fluxes along {', '.join(self.fluxes)}"
        require(not unlike, f"Conservation needs a flux along each coordinate of space: {got}")
        extents = {name: upper - lower for name, (lower, upper) in domain.bounds.items()}
        own = copy.copy(self)
        own._time, own._extents = domain.time, extents
        if self.viscosity is None:
            own.viscosity = VISCOSITY * min(extents[name] for name in space) ** 2 / extents[str(domain.time)]
        return own

    def companions(self, domain: Domain) -> dict[str, Term]:
        sourceless = not callable(self.source) and self.source == 0.0
        return {"balance": WholeBalance(self.density, **self.fluxes)} if sourceless and domain.is_box else {}

    def smoothed(self, factor: float) -> Self:
        smoother = copy.copy(self)
        smoother.smoothing = factor
        return smoother

    def region(self, domain: Domain) -> Region:
        return Region()

    def equations(self) -> dict[str, Equation]:
        q, axes = self.density, tuple(self.fluxes)
        names = [f"{q}_{self._time}"] + [f"{self.fluxes[axis]}_{axis}" for axis in axes]
        names += [f"{q}_{axis}{axis}" for axis in axes] + [f"{q}_{axis}" for axis in axes]
        source, source_names = as_function(self.source)
        k, viscosity = len(axes), self.smoothing * (self.viscosity or 0.0)
        widths = [self._extents[axis] / (STEEP * self.size) for axis in axes]

        def residual(*given: Tensor) -> Tensor:
            rates, seconds, slopes = given[: k + 1], given[k + 1 : 2 * k + 1], given[2 * k + 1 : 3 * k + 1]
            steepness = sum(width * slope.abs() for width, slope in zip(widths, slopes, strict=True))
            balance = sum(rates) - called(source, *given[3 * k + 1 :]) - viscosity * sum(seconds)
            return balance / (1.0 + steepness) ** POWER

        return {"": Equation(residual, (*names, *source_names), f"conservation of {q}")}


class WholeBalance(Term):
    """What the whole box holds of a conserved density changes by what passes its sides, from the start to any time.

    The mean over space of  q(t) - q(start) + sum_i int [F_i] dt / extent_i  vanishes. Of a shock it tells the speed, on
    which the residual of its thin layer hardly depends. density, fluxes: as of `Conservation`.
    """

    weight = 10.0

    def __init__(self, density: str, **fluxes: str) -> None:
        self.density = density
        self.fluxes = fluxes

    def region(self, domain: Domain) -> Region:
        return BalanceRegion(axes=domain.space_coordinates)

    def equations(self) -> dict[str, Equation]:
        axes = tuple(self.fluxes)

        def residual(*given: Tensor) -> Tensor:
            shares, flowing = given[: len(axes) + 1], given[len(axes) + 1 :]
            return torch.stack([share * q for share, q in zip(shares, flowing, strict=True)]).sum(0)

        names = [f"share of {name}" for name in ("held", *axes)] + [self.density, *self.fluxes.values()]
        return {"": Equation(residual, tuple(names), f"balance of {self.density}", summed=True)}
