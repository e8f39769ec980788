"""A problem: domain, fields, terms, and what is known of its solution."""

import inspect
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch

from pinn.basis.arguments import argument_names
from pinn.basis.configurable import Configurable
from pinn.basis.errors import UserError, require
from pinn.basis.pages import Page
from pinn.derivatives.elsewhere import Elsewhere
from pinn.derivatives.names import Derived, Operator, Vocabulary
from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.functionals.base import Functional
from pinn.terms.base import Term


def is_path(name: object) -> bool:
    """Whether something can be a name in a file."""
    return isinstance(name, str) and name.isprintable() and name.strip(". ") != "" and "/" not in name


def derived(method: Callable) -> Callable:
    """Mark a problem's method as a derived quantity: a function of named quantities that can be differentiated."""
    method.is_derived = True  # type: ignore[attr-defined]
    return method


def snake_case(name: str) -> str:
    """`HeatSink`, `Poisson2D` and `KdV` as `heat_sink`, `poisson_2d` and `kdv`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z]|[0-9])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Problem(Configurable, ABC):
    """A partial differential equation with its domain and conditions.

    A subclass sets `domain` and `fields` in its constructor and defines `terms`. It may define

    * `ansatz(self, x, t, u) -> {"u": ...}`: the fields from coordinates and raw network outputs, both by name, with
      torch functions, so that conditions hold exactly (`constraints=hard`);
    * `exact(self, x, t)` in torch functions, or `reference(self, x, t)` in numpy, from coordinates by name: a tensor
      for a problem of one field, else a dict by field name;
    * `features(self, x, t) -> [...]`: inputs of the network beside the coordinates, functions of these with torch
      functions that the solution is known to be made of, such as a singularity's; of the size of 1 or so;
    * `results(self) -> {"drag": pinn.Total(self.traction, on="cylinder")}`: what is asked of the solution beside its
      fields (`pinn.functionals`), measured at the end of a run;
    * `error_bound(self)`, such as `return pinn.SteadyBound(constant=1 / (2 * pi**2))`: what is known of the equation's
      stability, by which a run guarantees a bound of its error; None where the parameters leave nothing to say;
    * methods marked `@derived`, and `@pinn.integral(...)` or `@pinn.at(...)`, quantities of fields at other places.

    A field of fewer coordinates is one that names its own: `fields = {"u": ("x", "t"), "q": ("t",)}`.
    `unknowns` maps what is to be identified to its first guess, to an `Unknown` with bounds or a prior, or to an
    `Eigenvalue`; `scales` gives a field's typical
    size, by which its network output is multiplied (1 where not named); `units` and `long_names` label files and
    figures; `operators` names linear combinations of second derivatives, {"anisotropic": {"xx": 1.0, "yy": 0.1}}.
    """

    domain: Domain
    fields: Sequence[str] | Mapping[str, Sequence[str]]
    unknowns: Mapping[str, float] = {}
    scales: Mapping[str, float] = {}
    units: Mapping[str, str] = {}
    long_names: Mapping[str, str] = {}
    operators: Mapping[str, Mapping[str, float]] = {}
    defined_up_to_constant: ClassVar[tuple[str, ...]] = ()
    page: ClassVar[Page | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.page = Page.of(cls.__module__)  # now, as its file may be changed while it is solved

    @abstractmethod
    def terms(self) -> dict[str, Term]:
        """The terms by name, in the paper's order."""

    def results(self) -> Mapping[str, Functional]:
        """What is asked of the solution beside its fields, by name: `{"heat": pinn.Total("u_normal", on="wall")}`."""
        return {}

    def all_terms(self) -> dict[str, Term]:
        """The terms, for an `Eigenvalue` a norm of the fields where no term asks for fields other than zero, and priors
        of unknowns."""
        terms = {name: term.settled(self.domain) for name, term in self.terms().items()}
        for name, term in list(terms.items()):
            terms |= {f"{name} {suffix}": other for suffix, other in term.companions(self.domain).items()}
        norms = [guess.norm for guess in self.unknowns.values() if hasattr(guess, "norm")]
        if norms and not any(self._asks_for_more_than_zero(term) for term in terms.values()):
            name = "norm" if "norm" not in terms else "norm of the fields"
            terms = {**terms, name: norms[0](*self.vocabulary.fields)}
        most = max((term.observations for term in terms.values()), default=0)
        for name, guess in self.unknowns.items():
            terms = {**terms, **(guess.terms(name, most) if hasattr(guess, "terms") else {})}
        return terms

    def _asks_for_more_than_zero(self, term: Term) -> bool:
        """Whether fields that are zero leave a residual of a term; not where it cannot be evaluated so."""
        region = term.region(self.domain)
        given: Mapping[str, torch.Tensor] = getattr(region, "values", {})
        n = max((len(column) for column in given.values()), default=3)
        known = {name: torch.linspace(*bounds, n, dtype=torch.float64) for name, bounds in self.domain.bounds.items()}
        known |= {name: torch.ones(n, dtype=torch.float64) for name in (*region.columns, *self.unknowns)} | dict(given)
        zero = torch.zeros(n, dtype=torch.float64)
        for equation in term.equations().values():
            try:
                left = equation.function(*(known.get(name, zero) for name in equation.arguments))
            except Exception:  # such as of a Jacobian, which has other shapes
                continue
            if bool((torch.as_tensor(left) != 0).any()):
                return True
        return False

    def check_complete(self) -> None:
        """Raises UserError where something is missing, or no term or bound: domain, fields, `terms`, `error_bound`."""
        kind = type(self).__name__
        for needed, example in (("domain", "Box(x=(0, 1))"), ("fields", '("u",)')):
            set_there = bool(getattr(self, needed, ()))
            require(set_there, f"{kind} sets no {needed}; write self.{needed} = {example} in its constructor")
        _ = self.vocabulary
        for name, guess in self.unknowns.items():
            told = f"{kind}.unknowns must map {name} to its first guess or a pinn.Unknown, got {guess!r}"
            require(isinstance(guess, Real) and math.isfinite(guess), told)
        terms = self.terms()
        listed = isinstance(terms, Mapping) and bool(terms)
        forgotten = ": is `return` missing?" if terms is None else ""
        require(listed, f"{kind}.terms must return a dict of terms by name, got {terms!r}{forgotten}")
        for name, term in terms.items():
            told = f"{kind}.terms names a term {name!r}: a name is a text such as 'walls', printable and without '/'"
            require(is_path(name), told)
            told = f"{name!r} in {kind}.terms must be a term, such as Interior(self.equation), got {term!r}"
            require(isinstance(term, Term), told)
        self._check_results()
        declared = getattr(self, "error_bound", lambda: None)()
        if declared is not None:
            check = getattr(declared, "check", None)
            examples = "pinn.SteadyBound(constant=...), pinn.EvolutionBound(growth=...), pinn.WaveBound(frequency=...)"
            told = f"{kind}.error_bound must return a bound or None, got {declared!r}; try {examples}"
            if not callable(check):
                raise UserError(told)
            check(self)

    def _check_results(self) -> None:
        """Raises UserError where one of `results` is none, or asks for what there is not."""
        kind, results = type(self).__name__, self.results()
        told = f"{kind}.results must return a dict of functionals by name, got {results!r}"
        require(isinstance(results, Mapping), told)
        for name, asked in results.items():
            where = f"{name!r} in {kind}.results"
            require(is_path(name), f"{where}: a name is a text such as 'drag', printable and without '/'")
            require(isinstance(asked, Functional), f'{where} must be such as pinn.Average("u"), got {asked!r}')
            asked.check(self.domain, self.vocabulary, where)

    @property
    def name(self) -> str:
        """The class's name in snake case: `burgers`, `poisson_2d`."""
        return snake_case(type(self).__name__)

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return ((type(self).__doc__ or "").strip() or self.name).splitlines()[0]

    @property
    def statement(self) -> str:
        """The docstring without its indentation, empty where there is none: equation, conditions, source."""
        return inspect.cleandoc(type(self).__doc__ or "")

    @property
    def coordinates(self) -> tuple[str, ...]:
        return self.domain.coordinates

    @cached_property
    def field_coordinates(self) -> dict[str, tuple[str, ...]]:
        """Field -> the coordinates that it is a function of, in their order; raises UserError for one that is none."""
        fields = (self.fields,) if isinstance(self.fields, str) else self.fields
        if not isinstance(fields, Mapping):
            return dict.fromkeys(fields, self.coordinates)
        found = {}
        for name, given in fields.items():
            own = (given,) if isinstance(given, str) else tuple(given)
            known = bool(own) and set(own) <= set(self.coordinates)
            require(
                known,
                f"field {name} must name some of the coordinates {', '.join(self.coordinates)}, got {own}; a number "
                "that is to be found is one of unknowns",
            )
            found[name] = tuple(coordinate for coordinate in self.coordinates if coordinate in own)
        return found

    @cached_property
    def derived(self) -> dict[str, Derived]:
        """The derived quantities by name."""
        quantities = {}
        for name in dir(type(self)):
            method = getattr(type(self), name, None)
            if getattr(method, "is_derived", False):
                bound = getattr(self, name)
                quantities[name] = Derived(bound, argument_names(bound))
        return quantities

    @cached_property
    def elsewhere(self) -> dict[str, Elsewhere]:
        """The quantities made of fields at other places, by name; raises UserError where one is wrong."""
        quantities = {}
        for name in dir(type(self)):
            make = getattr(getattr(type(self), name, None), "makes_elsewhere", None)
            if make is not None:
                quantities[name] = make(name, getattr(self, name), dict(self.domain.bounds), self)
        return quantities

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The names that mean something here; raises UserError where they clash."""
        return Vocabulary(
            self.coordinates,
            tuple(self.field_coordinates),
            tuple(self.unknowns),
            tuple(self.derived),
            self._second_order_operators(),
            self.domain.space_coordinates,
            self.field_coordinates,
            tuple(self.elsewhere),
        )

    def _second_order_operators(self) -> dict[str, Operator]:
        position = {name: i for i, name in enumerate(self.coordinates)}
        space = [position[name] for name in self.domain.space_coordinates]
        operators: dict[str, Operator] = {"laplacian": tuple((i, i, 1.0) for i in space)}
        reader = Vocabulary(self.coordinates, ("f",))
        for name, entries in self.operators.items():
            triples = []
            for suffix, coefficient in entries.items():
                symbol = reader.resolve(f"f_{suffix}", f"operators[{name!r}]").symbol
                if symbol is None or symbol.order != 2:
                    raise UserError(f"operators[{name!r}] must hold second derivatives such as 'xx', got {suffix!r}")
                i, j = (i for i, order in enumerate(symbol.orders) for _ in range(order))
                triples.append((i, j, float(coefficient)))
            operators[name] = tuple(sorted(triples))
        return operators

    @property
    def truth_kind(self) -> str | None:
        """`exact`, `reference`, or None where nothing is known of the solution."""
        return next((kind for kind in ("exact", "reference") if hasattr(self, kind)), None)

    def truth(self, points: np.ndarray) -> dict[str, np.ndarray] | None:
        """The exact or reference solution at points (n, d): field -> (n,); None where there is none."""
        if self.truth_kind is None:
            return None
        function = getattr(self, self.truth_kind)
        columns: dict[str, Any] = {name: points[:, i] for i, name in enumerate(self.coordinates)}
        if self.truth_kind == "exact":
            columns = {name: torch.as_tensor(column) for name, column in columns.items()}
        solution = called(function, *(columns[name] for name in argument_names(function)))
        by_field = solution if isinstance(solution, Mapping) else {self.vocabulary.fields[0]: solution}
        return {
            name: np.broadcast_to(np.asarray(values, dtype=np.float64), len(points)).copy()
            for name, values in by_field.items()
        }
