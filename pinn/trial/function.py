"""The trial function: a network, made into the fields of a problem, and its named derivatives."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.derivatives.composition import Pass
from pinn.derivatives.estimators import DRAWS
from pinn.derivatives.evaluation import FieldFunction, Given, Request, reverse, taylor
from pinn.derivatives.jets import Fields, NoJetRule, Values, cat, coordinate_jet
from pinn.derivatives.names import Vocabulary
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.networks.scaling import FieldScaling
from pinn.problem import Problem
from pinn.sampling.base import PartOf
from pinn.terms.base import Term
from pinn.terms.curves import Curve, curve_of
from pinn.trial.continuation import Beginning, Piece, Start

INTERFACE = "interface"  # term by which pieces of a network meet
ENGINES = ("taylor", "reverse", "auto", *DRAWS)

Ansatz = Callable[[Values, Fields], Fields]  # coordinates (n, d) and raw outputs to the fields, both by name
NetworkFactory = Callable[..., nn.Module]  # (inputs=, outputs=) -> a module from (n, inputs) to (n, outputs)


def trained_for(problem: Problem, sizes: Mapping[str, float] | None = None) -> dict[str, float]:
    """What is trained for each unknown at its first guess. sizes: of unknowns, 1 where not named."""
    curves = {name: curve_of(guess, (sizes or {}).get(name, 1.0)) for name, guess in problem.unknowns.items()}
    return {name: curve.trained(float(problem.unknowns[name])) for name, curve in curves.items()}


class FieldNetwork(nn.Module):
    """Embedded coordinates through the core network and the fields' scales; the problem's unknowns beside it.

    Maps coordinates (n, d) in the problem's units to raw outputs (n, m), one column a field. unknowns: the numbers that
    are trained for them. seen: (m, inputs of the core), one where a field is a function of an input, else zero; None
    where each is one of all. unknown_sizes: by which numbers are trained for them, 1 where not named.
    """

    core: nn.Module

    seen: Tensor | None

    def __init__(
        self,
        embedding: nn.Module,
        core: nn.Module,
        scaling: nn.Module,
        unknowns: Mapping[str, float],
        seen: Tensor | None = None,
        unknown_sizes: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.unknown_sizes = dict(unknown_sizes or {})
        self.register_buffer("seen", seen, persistent=False)
        self.embedding = embedding
        self.core = core
        self.scaling = scaling
        self.unknowns = nn.ParameterDict(
            {name: nn.Parameter(torch.tensor(float(guess), dtype=torch.float64)) for name, guess in unknowns.items()}
        )

    def forward(self, x: Values) -> Values:
        return self.scaling(self._outputs(self.embedding(x)))

    def _outputs(self, inputs: Values) -> Values:
        """The core's outputs (n, m), each from what it sees of the inputs; the others are at their middle, zero."""
        if self.seen is None:
            return self.core(inputs)
        groups: dict[tuple[float, ...], list[int]] = {}
        for k, row in enumerate(self._rows):
            groups.setdefault(row, []).append(k)
        columns: dict[int, Values] = {}
        for ks in groups.values():
            outputs = self.core(inputs * self.seen[ks[0]])
            columns |= {k: outputs[:, k : k + 1] for k in ks}
        return cat([columns[k] for k in range(len(columns))], -1)

    @cached_property
    def _rows(self) -> list[tuple[float, ...]]:
        assert self.seen is not None
        return [tuple(row) for row in self.seen.tolist()]


def own_inputs(problem: Problem, coordinates: Sequence[int | None]) -> Tensor | None:
    """Which inputs of a network each field of a problem is a function of, as of `FieldNetwork`.

    coordinates: of each input the number of its coordinate, None for one that is a function of several.
    """
    own = problem.field_coordinates.values()
    if all(names == problem.coordinates for names in own):
        return None
    numbers = [{problem.coordinates.index(name) for name in names} for names in own]
    whole = len(problem.coordinates)
    rows = [[float(i in known or (i is None and len(known) == whole)) for i in coordinates] for known in numbers]
    return torch.tensor(rows, dtype=torch.float64)


class TrialFunction:
    """The fields of a problem as functions of coordinates and network parameters, with their derivatives.

    ansatz: makes conditions hold exactly; None leaves raw network outputs, whose constraints are soft.
    derivatives: `taylor`, `reverse`, or `auto` (taylor where every operation has a jet rule); an estimator is one of
    residuals, and the function's own derivatives are exact.
    domain: where they are trained, a window of the problem's domain; None for all of it. start: what was before the
    window. prefix: of its parameters' names in a file. parts: of the
    domain, in each of which the network has a piece of its own, and interfaces: the term by which these meet; None for
    a network of one piece.
    """

    def __init__(
        self,
        problem: Problem,
        network: FieldNetwork,
        ansatz: Ansatz | None,
        *,
        derivatives: str = "taylor",
        domain: Domain | None = None,
        start: Start | None = None,
        prefix: str = "",
        parts: PartOf | None = None,
        interfaces: Term | None = None,
    ) -> None:
        require(derivatives in ENGINES, f"derivatives must be one of {', '.join(ENGINES)}, got {derivatives!r}")
        self.problem = problem
        self.network = network
        self.ansatz = ansatz
        self.domain = domain or problem.domain
        self._window = domain
        self.start = start or Beginning()
        self.prefix = prefix
        self.parts = parts
        self.interfaces = interfaces
        self.derivatives = "taylor" if derivatives in DRAWS else derivatives
        if derivatives == "auto":
            self.derivatives = self.supported_engine()

    @property
    def untrained(self) -> float:
        """The share of time in which fields are held as they ended, which windows may be: none."""
        return 0.0

    @property
    def windows(self) -> "tuple[TrialFunction, ...]":
        """One window, which is this function itself."""
        return (self,)

    @property
    def terms(self) -> dict[str, Term]:
        """The problem's terms by name, and that by which the pieces of a network meet."""
        terms = dict(self.problem.all_terms())
        if self.interfaces is None:
            return terms
        name = INTERFACE
        while name in terms:
            name += "'"
        return terms | {name: self.interfaces}

    def within(self, region: Region) -> Region:
        """The part of a region of the problem's domain that lies in this function's window of time."""
        if self._window is None or self._window.time is None:
            return region
        return region.during(*self._window.bounds[self._window.time])

    @property
    def slight_disagreements(self) -> list[Any]:
        """The `Disagreement`s of data that its ansatz holds nevertheless, the largest first."""
        return [one for one in getattr(self.ansatz, "disagreements", []) if one.is_slight]

    @property
    def constraints(self) -> str:
        """`hard` where an ansatz makes conditions hold exactly, `values` where it leaves slopes, without one `soft`."""
        return "soft" if self.ansatz is None else getattr(self.ansatz, "constraints", "hard")

    @property
    def dtype(self) -> torch.dtype:
        return next(self.network.parameters()).dtype

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def unknowns(self) -> dict[str, float]:
        """The identified values by name; empty unless the problem has unknowns."""
        return {name: self.curves[name].at(z) for name, z in self.trained_unknowns.items()}

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """How each unknown is a function of what is trained for it."""
        sizes = self.network.unknown_sizes
        return {name: curve_of(guess, sizes.get(name, 1.0)) for name, guess in self.problem.unknowns.items()}

    @property
    def unknown_slopes(self) -> dict[str, float]:
        """By how much each unknown changes with what is trained for it: one where that is its value."""
        return {name: self.curves[name].slope(z) for name, z in self.trained_unknowns.items()}

    @property
    def trained_unknowns(self) -> dict[str, float]:
        """What is trained for each unknown."""
        trained = self.network.unknowns  # which have an order of their own
        return {name: float(trained[name].detach()) for name in self.problem.unknowns}

    @cached_property
    def _curved(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """Of unknowns that are not what is trained themselves."""
        return {name: curve.value for name, curve in self.curves.items() if not curve.is_itself}

    @property
    def sizes(self) -> dict[str, tuple[float, float]] | None:
        """Field or unknown -> (shift, size) by which what is trained becomes raw; None where nothing is scaled."""
        scaling, unknowns = self.network.scaling, self.network.unknown_sizes
        sizes = {name: (0.0, size) for name, size in unknowns.items()}
        if isinstance(scaling, FieldScaling):
            pairs = zip(scaling.shifts.tolist(), scaling.scales.tolist(), strict=True)
            sizes |= dict(zip(self.problem.vocabulary.fields, pairs, strict=True))
        return sizes or None

    @property
    def linear_parameters(self) -> tuple[str, ...] | None:
        """Names of the parameters in which the raw outputs are affine, and of the unknowns; None where not known.

        A network says so by a `linear_parameters` of its own, as every `pinn.networks.Network` does.
        """
        names = getattr(self.network.core, "linear_parameters", None)
        if names is None:
            return None
        return tuple(f"core.{name}" for name in names) + tuple(f"unknowns.{name}" for name in self.problem.unknowns)

    def parameters(self) -> dict[str, Tensor]:
        """The network's parameters by name, detached."""
        return {name: parameter.detach() for name, parameter in self.network.named_parameters()}

    def load_parameters(self, parameters: Mapping[str, Tensor]) -> None:
        """Overwrite the network's parameters; raises UserError where names or shapes differ."""
        own = dict(self.network.named_parameters())
        wrong = [n for n in own if n not in parameters or tuple(parameters[n].shape) != tuple(own[n].shape)]
        wrong += [n for n in parameters if n not in own]
        require(not wrong, f"parameters do not fit this network: {', '.join(wrong)}; build the same network first")
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(torch.as_tensor(parameters[name]))

    def with_core(self, core: nn.Module) -> "TrialFunction":
        """The same fields from another core network of the same inputs and outputs."""
        own, trial = self.network, copy.copy(self)
        network = FieldNetwork(own.embedding, core, own.scaling, self.trained_unknowns, own.seen, own.unknown_sizes)
        trial.network = network.to(dtype=self.dtype, device=self.device)
        return trial

    def after(self, before: Sequence[Piece]) -> "TrialFunction":
        """The same window of time after other ones."""
        follower = copy.copy(self)
        follower.start = self.start.after(before)
        return follower

    def without_past(self) -> "TrialFunction":
        """The same with nothing before its window: the raw outputs are the network's alone."""
        trial = copy.copy(self)
        trial.start = Beginning()
        return trial

    def own_scale(self) -> tuple[Tensor, Tensor]:
        """Shift and size (m,) of each field that a network whose outputs are of order one has by itself."""
        zero = torch.zeros(1, len(self.problem.vocabulary.fields), dtype=self.dtype, device=self.device)
        with torch.no_grad():
            shift, one = (self.network.scaling(values).reshape(-1) for values in (zero, zero + 1.0))
        return shift, one - shift

    def zero(self) -> "TrialFunction":
        """Fields that are zero, whatever the parameters: what terms make of their sources and data alone."""
        trial = self.without_past()
        trial.ansatz = lambda x, outputs: {name: 0.0 * values for name, values in outputs.items()}
        return trial

    def request(
        self,
        names: Sequence[str],
        where: Mapping[str, str] | None = None,
        collapse: bool = True,
        vocabulary: Vocabulary | None = None,
    ) -> Request:
        """Resolve names; raises UserError that lists the known names where one means nothing.

        vocabulary: that of estimates; None for the problem's own.
        """
        problem = self.problem
        asked, known = tuple(dict.fromkeys(names)), vocabulary or problem.vocabulary
        return Request(known, problem.derived, asked, where or {}, collapse, problem.elsewhere)

    def evaluate(
        self, names: Sequence[str] | Request, points: Tensor, parameters: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Named quantities at points (n, d): each of shape (n,), `jacobian` (n, m, d), `hessian` (n, m, d, d).

        parameters: named network parameters; None takes the network's own.
        """
        request = names if isinstance(names, Request) else self.request(names)
        return self.evaluate_with(request, points, parameters or self.parameters())

    def evaluate_with(
        self,
        request: Request,
        points: Tensor,
        parameters: Mapping[str, Tensor],
        normal: Tensor | None = None,
        tape: Pass | None = None,
        past: Tensor | None = None,
        directions: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """As `evaluate`, on a boundary with its normals (n, d), through `tape` and with the `past` that are given.

        directions: of a request for estimates, as of `coordinate_jet`.
        """
        unknowns = {name: parameters[f"unknowns.{name}"] for name in self.problem.unknowns}
        given = Given(unknowns, normal, self._curved, self._elsewhere(request, points, parameters, tape), directions)
        fields = self.field_function(parameters, past)
        if self.derivatives == "reverse":
            return reverse(request, fields, points, given)
        return taylor(request, fields, points, given, tape)

    def _elsewhere(
        self, request: Request, points: Tensor, parameters: Mapping[str, Tensor], tape: Pass | None
    ) -> dict[str, Tensor]:
        """The quantities (n,) of a request that are made of fields at other places, by name."""
        values = {}
        for name, inner in request.inner.items():
            one = request.elsewhere[name]
            places, inside = one.places(points), None if tape is None else tape.elsewhere(one.count)
            values[name] = one.value(points, places, self.evaluate_with(inner, places, parameters, tape=inside))
        return values

    def past(self, request: Request, points: Tensor, directions: Tensor | None = None) -> Tensor | None:
        """What was before the window at points (n, d), for evaluations of a request there; None where there is nothing.

        It depends on no parameter of this window. The reference engine looks for itself.
        """
        if self.derivatives == "reverse":
            return None
        with torch.no_grad():
            return self.start.past(coordinate_jet(points, request.field_channels, None, directions))

    def field_function(self, parameters: Mapping[str, Tensor], past: Tensor | None = None) -> FieldFunction:
        """Coordinates (n, d), a tensor or a jet, to the fields by name, each of shape (n,). past: as of `past`."""

        def fields(x: Values) -> Fields:
            places = x if past is not None else self.start.reached(x)
            raw = functional_call(self.network, dict(parameters), (places,))
            outputs = dict(zip(self.problem.vocabulary.fields, self.start.outputs(x, raw, past), strict=True))
            return outputs if self.ansatz is None else self.ansatz(x, outputs)

        return fields

    def supported_engine(self) -> str:
        """Taylor mode, unless the module or ansatz uses an operation that has no jet rule."""
        x = torch.zeros(1, len(self.problem.coordinates), dtype=self.dtype, device=self.device)
        names = [f"{self.problem.vocabulary.fields[0]}_{c}" for c in self.problem.coordinates]
        try:
            taylor(self.request(names), self.field_function(self.parameters()), x, Given())
        except NoJetRule as missing:
            logger.info("derivatives: reverse, because %s", missing)
            return "reverse"
        return "taylor"
