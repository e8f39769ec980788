"""What a trained function does wrong in one window of time: its residual, and how far its beginning is off."""

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import torch
from torch import Generator, Tensor

from pinn.ansatz.prescriptions import Prescription, prescriptions
from pinn.basis.errors import UserError, require
from pinn.derivatives.evaluation import Request
from pinn.derivatives.jets import Operand
from pinn.diagnosis.bounds.cells import Integrals, integrate
from pinn.diagnosis.bounds.declared import ErrorBound
from pinn.diagnosis.bounds.lifting import lifted, unmet
from pinn.residuals.blocks import RegionBlocks, row_values, slopes
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import Points
from pinn.terms.base import as_function
from pinn.trial.function import TrialFunction

CELLS = {1: (64,), 2: (24, 32), 3: (4, 4, 8)}  # along each coordinate, before any is cut
LEAST_SLABS = 4  # of a window
NEGLIGIBLE = 1e-10  # root mean square: rounding, whose bound is of the right size though no quadrature resolves it


class Window:
    """A window of time, or all of a problem, with `center`: the function that meets the boundary conditions exactly.

    beside: another function near the solution, from which the center is to be made. windows: how many there are.
    Points are those of the unit cube: of the chart of space, and of time last. Raises UserError where there is no such
    function, or the equation is not written as the declared bound asks for.
    """

    def __init__(
        self, trial: TrialFunction, declared: ErrorBound, windows: int = 1, beside: TrialFunction | None = None
    ) -> None:
        self.trial, self.declared, self.center = trial, declared, beside or trial
        self.fields = trial.problem.vocabulary.fields
        missed = unmet(self.center)
        if missed:
            self.center = lifted(self.center)
            left = unmet(self.center)
            require(not left, f"{', '.join(left)} is off, and not by values on whole sides of a box alone")
        self.time = trial.domain.time
        self.start, self.end = (0.0, 1.0) if self.time is None else trial.domain.bounds[self.time]
        self.counts = CELLS[len(trial.problem.coordinates)]
        if self.time is not None:
            self.counts = (*self.counts[:-1], max(LEAST_SLABS, math.ceil(self.counts[-1] / windows)))
            self._check_factor()

    @property
    def slabs(self) -> int:
        """Parts of its time."""
        return 1 if self.time is None else self.counts[-1]

    @property
    def in_space(self) -> tuple[int, ...]:
        """The numbers of cells along the directions of space."""
        return self.counts if self.time is None else self.counts[:-1]

    @cached_property
    def measure(self) -> float:
        """Of space."""
        return self.trial.domain.space.measure if self.in_space else 1.0

    def over_all(self, deadline: float) -> Integrals:
        """Means over the cells of r^2, each field's square, and the squares of what the center is away by.

        The upper bounds are of the growth and of the largest |v|.
        """
        return integrate(self._wrong, self.counts, deadline, NEGLIGIBLE**2)

    def at_start(self, before: "Window | None", deadline: float) -> Tensor:
        """Upper bounds of the mean squares over the cells of space of what each derivative in time is off by (m, c).

        From the initial data, or from the end of the window before.
        """
        if not self.in_space:
            off, _ = self._off(torch.zeros(1, 0, dtype=torch.float64), before)
            return off.T
        return integrate(lambda u: self._off(u, before), self.in_space, deadline, NEGLIGIBLE**2).upper.T

    @cached_property
    def _group(self) -> RegionBlocks:
        whole = [group for group in Residuals(self.center).regions.values() if group.region.is_whole]
        require(bool(whole), "there is no equation in the interior")
        return whole[0]

    @cached_property
    def _request(self) -> Request:
        names = [name for block in self._group.blocks for name in block.equation.arguments]
        return self.center.request([*names, *self.fields, *as_function(self.declared.growth)[1]])

    def _wrong(self, u: Tensor) -> tuple[Tensor, Tensor]:
        x = self._place(u if self.time is None else u[:, :-1], u[:, -1])
        values = self._values(x)
        rows = [row_values(block.equation, values, Points(x)) for block in self._group.blocks]
        fields = torch.stack([values[name] for name in self.fields], 1)  # (n, m)
        added = torch.zeros_like(fields)
        if self.center is not self.trial:
            plain = self.trial.evaluate(self.fields, x)
            added = torch.stack([plain[name] for name in self.fields], 1) - fields
        function, names = as_function(self.declared.growth)
        growth = torch.as_tensor(function(*(values[name] for name in names))).to(fields).expand(len(x))
        squares = torch.cat([torch.stack(rows).square().sum(0)[:, None], fields.square(), added.square()], 1)
        return squares, torch.stack([growth, fields.abs().amax(1)], 1)

    def _off(self, u: Tensor, before: "Window | None") -> tuple[Tensor, Tensor]:
        x = self._place(u, torch.zeros(len(u), dtype=u.dtype))
        orders = range(self.declared.order)
        names = {(field, k): f"{field}_{str(self.time) * k}" if k else field for field in self.fields for k in orders}
        own = self.center.evaluate(list(names.values()), x)
        wanted: Mapping[str, Operand]
        if before is None:
            columns = {name: x[:, i] for i, name in enumerate(self.trial.problem.coordinates)}
            wanted = {names[key]: self._initial[key](columns) for key in names}
        else:
            wanted = before.center.evaluate(list(names.values()), x)
        squares = [[torch.as_tensor(own[names[f, k]] - wanted[names[f, k]]) ** 2 for f in self.fields] for k in orders]
        off = torch.stack([torch.stack(of_order).sum(0) for of_order in squares], 1)
        return off, off[:, :0]

    @cached_property
    def _initial(self) -> dict[tuple[str, int], Prescription]:
        """The initial data: field and order in time -> what is prescribed."""
        kept = prescriptions(self.trial.problem).kept
        data = {(p.field, p.order): p for p in kept if (p.place.coordinate, p.place.end) == (self.time, "min")}
        for field in self.fields:
            for k in range(self.declared.order):
                what = f"{field}_{self.time}" if k else field
                require((field, k) in data, f"no initial condition for {what} on the whole of {self.time}.min")
        return data

    def _check_factor(self) -> None:
        """Raise UserError unless each equation has one derivative in time of the declared order, times 1 or -1."""
        u = torch.rand(16, len(self.in_space), generator=Generator().manual_seed(0), dtype=torch.float64)
        values = self._values(self._place(u, torch.linspace(0, 1, 16, dtype=torch.float64)))
        rates = [f"{field}_{str(self.time) * self.declared.order}" for field in self.fields]
        for block in self._group.blocks:
            arguments = block.equation.arguments
            found = slopes(block.equation.function, [values[name] for name in arguments])
            factors = [s for name, s in zip(arguments, found, strict=True) if name in rates and s is not None]
            if len(factors) != 1 or not torch.allclose(factors[0].abs(), torch.ones_like(factors[0])):
                raise UserError(f"{block.name} is not written with the factor 1 on one of {', '.join(rates)}")

    def _values(self, x: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return self.center.evaluate_with(self._request, x, self.center.parameters())

    def _place(self, u: Tensor, s: Tensor) -> Tensor:
        """Points x (n, d) from those of the unit cube of space (n, k) and of time (n,)."""
        x = np.zeros((len(u), 0))
        if self.in_space:
            x = self.trial.domain.space.interior_chart.place(u.numpy()).x
        if self.time is not None:
            x = np.column_stack([x, self.start + (self.end - self.start) * s.numpy()])
        return torch.as_tensor(x, dtype=self.trial.dtype, device=self.trial.device)
