"""Are the derivatives right? Engine against engine, and both against numbers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.derivatives.differences import numerical
from pinn.derivatives.evaluation import Request
from pinn.derivatives.jets import NoJetRule
from pinn.derivatives.names import Quantity, Symbol
from pinn.diagnosis.findings import Comparison, DerivativeCheck
from pinn.diagnosis.subjects import Sample, Subject, function_subject, problem_subject, trial_subject
from pinn.problem import Problem
from pinn.trial.function import ENGINES, NetworkFactory, TrialFunction

ROUNDING = 1e-12  # of a quantity's size: two orders of summation, no more
RESOLVED = 0.1  # of a quantity's size: differences with a wider bound say nothing
HIGHEST = 6  # order of derivative of a function


def check_derivatives(
    subject: Problem | TrialFunction | Callable,
    points: Tensor | None = None,
    *,
    network: NetworkFactory | None = None,
    constraints: str = "hard",
    derivatives: str = "auto",
    order: int = 2,
    seed: int = 0,
) -> DerivativeCheck:
    """Compare the derivative engines with each other and with numbers, at a few points, in double precision.

    Every name that a problem's residuals ask for (and the derivatives that its derived quantities are made of) is
    computed by Taylor mode and by reverse mode, which must agree to 1e-12 of the quantity's size; derivatives of fields
    and of derived quantities also numerically: first ones by complex step where the code takes complex numbers, others
    by central differences of their order, which must agree within their own bounds. A quantity's size is the largest
    of its values over the points and the domain, and of max |u| / L^k for a k-th derivative and domain's lengths L.

    Args:
        subject: a problem, which gets a fresh network with disturbed parameters; a trial function, such as a
            solution's, as it is; or a function of one point (d,) -> () or (m,), or a module (n, d) -> (n, m).
        points: (n, d); of a problem, instead of points drawn in the interior; needed for a function.
        network: for a problem, a callable (inputs=, outputs=) -> nn.Module; default as in `pinn.solve`.
        constraints: `hard` or `soft`, for a problem.
        derivatives: `taylor` makes an operation without jet rule a failure; `auto` and `reverse` a remark.
        order: for a function, the highest order of derivative that is checked, 1 to 6.
        seed: of parameters and points.

    Returns:
        The comparisons; `.passed`, and a table where it is printed.

    Raises:
        UserError: points or settings do not fit, or the problem's equations use names that mean nothing.
    """
    require(derivatives in ENGINES, f"derivatives must be one of {', '.join(ENGINES)}, got {derivatives!r}")
    require(1 <= order <= HIGHEST, f"order must be 1 to {HIGHEST}, got {order}")
    if isinstance(subject, Problem):
        return _Check(problem_subject(subject, network, constraints, points, seed), derivatives).run()
    if isinstance(subject, TrialFunction):
        return _Check(trial_subject(subject, points, seed), derivatives).run()
    kind = type(subject).__name__
    require(callable(subject), f"check_derivatives takes a problem, a trial function or a function, got {kind}")
    require(points is not None, "a function is checked at points: give a tensor of shape (n, d)")
    assert points is not None
    return _Check(function_subject(subject, points, order), derivatives).run()


@dataclass
class _Check:
    """One check in the making."""

    subject: Subject
    derivatives: str
    comparisons: list[Comparison] = field(default_factory=list)
    remarks: dict[str, None] = field(default_factory=dict)
    failures: dict[str, None] = field(default_factory=dict)

    def run(self) -> DerivativeCheck:
        for sample in self.subject.samples:
            for request in (sample.request, self._ingredients(sample.request)):
                self._compare(sample, request)
        return DerivativeCheck(tuple(self.comparisons), tuple(self.remarks), tuple(self.failures))

    def _ingredients(self, request: Request) -> Request:
        """What a request needs besides its own names: arguments of derived quantities, entries of Jacobians."""
        others = [name for name, quantity in request.quantities.items() if quantity.kind == "derivative"]
        return self.subject.make_request([name for name in others if name not in request.names])

    def _compare(self, sample: Sample, request: Request) -> None:
        if not request.names:
            return
        by_engine = {"reverse": self.subject.evaluate("reverse", request, sample.points, sample.normal)}
        try:
            by_engine["taylor"] = self.subject.evaluate("taylor", request, sample.points, sample.normal)
        except (NoJetRule, AttributeError) as missing:  # AttributeError: a method that a jet does not have
            reasons = self.failures if self.derivatives == "taylor" else self.remarks
            reasons[f"reverse mode alone was checked, because {missing}"] = None
        sizes = self._sizes(request, by_engine["reverse"])
        for name in request.names:
            before = len(self.comparisons)
            computed = {engine: values[name] for engine, values in by_engine.items()}
            if "taylor" in computed:
                a, b = computed["taylor"], computed["reverse"]
                self._add(name, "taylor", "reverse", sample, a, b, sizes[name], ROUNDING)
            self._against_numbers(name, request.quantities[name], sample, computed, sizes[name])
            symbol = request.quantities[name].symbol
            if len(self.comparisons) == before and symbol is not None and symbol.order:
                self.failures[f"nothing to compare {name} with ({sample.where})"] = None

    def _add(
        self, name: str, engine: str, against: str, sample: Sample, a: Tensor, b: Tensor, size: float, bound: float
    ) -> None:
        discrepancy = _largest(a - b) / size if a.shape == b.shape else math.inf
        self.comparisons.append(Comparison(name, engine, against, sample.where, discrepancy, bound))

    def _against_numbers(
        self, name: str, quantity: Quantity, sample: Sample, by_engine: Mapping[str, Tensor], size: float
    ) -> None:
        symbol = quantity.symbol
        if symbol is None or symbol.order == 0:
            return
        base = self.subject.make_request([quantity.base])

        def values(x: Tensor) -> Tensor:
            normal = None if sample.normal is None else _repeated(sample.normal, len(x))
            return self.subject.evaluate("reverse", base, x, normal)[quantity.base]

        def complex_values(x: Tensor) -> Tensor:
            with torch.no_grad():
                return torch.as_tensor(self.subject.complex_fields(x)[quantity.base])

        estimate, method = numerical(values, complex_values, sample.points, symbol, self.subject.lengths)
        bound = estimate.bound / size
        if bound > RESOLVED:
            self.remarks[f"differences do not resolve {name} ({sample.where})"] = None
            return
        for engine, engine_values in by_engine.items():
            self._add(name, engine, method, sample, engine_values, estimate.values, size, bound + ROUNDING)

    def _sizes(self, request: Request, values: Mapping[str, Tensor]) -> dict[str, float]:
        """How large each quantity is, so that a zero on a boundary is not judged by its rounding."""
        inside, d = self.subject.domain, self.subject.domain.shape[1]
        normal = torch.full_like(inside, 1.0 / math.sqrt(d))
        over = self.subject.evaluate("reverse", request, inside, normal)
        bases = {quantity.base for quantity in request.quantities.values() if quantity.kind == "derivative"}
        of_base = self.subject.evaluate("reverse", self.subject.make_request(sorted(bases)), inside, normal)
        sizes = {}
        for name in request.names:
            size = max(_largest(values[name]), _largest(over[name]), torch.finfo(torch.float64).tiny)
            symbol = request.quantities[name].symbol
            if symbol is not None:
                unit = _natural_unit(symbol, self.subject.lengths)
                size = max(size, unit * _largest(of_base[request.quantities[name].base]))
            sizes[name] = size
        return sizes


def _largest(values: Tensor) -> float:
    return float(values.abs().max())


def _natural_unit(symbol: Symbol, lengths: Tensor) -> float:
    """The size of a derivative of something of size one that varies over the lengths (d,)."""
    return sum(
        abs(weight) / math.prod(float(length) ** k for length, k in zip(lengths, part.orders, strict=True))
        for part, weight in symbol.expanded().items()
    )


def _repeated(normal: Tensor, count: int) -> Tensor:
    """The normals (n, d) of points whose stencils follow each other: (count, d)."""
    return normal.repeat_interleave(count // len(normal), 0)
