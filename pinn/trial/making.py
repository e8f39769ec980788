"""Trial functions made from a problem and a network, whole or in windows of time."""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import torch
from torch import nn

from pinn.ansatz.from_conditions import DerivedAnsatz, derive
from pinn.ansatz.written import WrittenAnsatz
from pinn.basis.arguments import argument_names
from pinn.basis.errors import UserError, require
from pinn.derivatives.evaluation import Request
from pinn.derivatives.jets import Values
from pinn.domains.base import Domain
from pinn.networks.base import Network
from pinn.networks.embedding import Embedding, FeaturedEmbedding
from pinn.networks.scaling import FieldScaling
from pinn.problem import Problem
from pinn.trial.continuation import Beginning, Continuation, Memory, Piece, Start
from pinn.trial.function import FieldNetwork, NetworkFactory, TrialFunction
from pinn.trial.windows import WindowedTrial

CONSTRAINTS = ("hard", "soft")
FieldSizes = Mapping[str, tuple[float, float]]  # field -> shift and size


def make_ansatz(problem: Problem, constraints: str) -> WrittenAnsatz | DerivedAnsatz | None:
    """The problem's own ansatz, or the one that its conditions allow; none for soft constraints."""
    require(
        constraints in CONSTRAINTS,
        f"constraints must be one of {', '.join(CONSTRAINTS)}, got {constraints!r}",
    )
    if constraints == "soft":
        return None
    return derive(problem) if getattr(problem, "ansatz", None) is None else WrittenAnsatz(problem)


def harmonics(problem: Problem) -> dict[int, int]:
    """Number of each periodic coordinate -> harmonics through which a network sees it."""
    periods = [period for term in problem.terms().values() if (period := term.period()) is not None]
    return {problem.coordinates.index(period.coordinate): period.harmonics for period in periods}


def with_features(problem: Problem, embedding: Embedding) -> Embedding | FeaturedEmbedding:
    """The embedding with the problem's features beside it, where it has some; raises UserError for unknown names."""
    method = getattr(problem, "features", None)
    if method is None:
        return embedding
    names, coordinates = argument_names(method), problem.coordinates
    unknown = [name for name in names if name not in coordinates]
    known = f"it may use coordinates: {', '.join(coordinates)}"
    require(not unknown, f"features asks for {', '.join(unknown)}; {known}")

    def features(x: Values) -> list[Values]:
        return list(method(*(x[:, coordinates.index(name)] for name in names)))

    count = len(features(torch.ones(1, len(coordinates), dtype=torch.float64)))
    require(count > 0, "features must return a list of one column or more")
    return FeaturedEmbedding(embedding, features, count)


def make_trial(
    problem: Problem,
    network: NetworkFactory,
    *,
    constraints: str = "hard",
    derivatives: str = "taylor",
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    sizes: FieldSizes | None = None,
    domain: Domain | None = None,
    start: Start | None = None,
    prefix: str = "",
) -> TrialFunction:
    """Build the trial function of a problem.

    network: a callable (inputs=, outputs=) -> nn.Module, such as `functools.partial(MLP, width=32)`.
    sizes: field -> (shift, size) by which the network's outputs become the field's, in its unit; (0, 1) where not
    named, None for the problem's own scales. An ansatz and a window's start take the place of a shift.
    domain, start, prefix: of a window of time, as of `TrialFunction`; inputs are scaled from its bounds.
    Parameters are created on the CPU from torch's global generator, then moved.
    """
    problem.check_complete()
    ansatz, bounds = make_ansatz(problem, constraints), list((domain or problem.domain).bounds.values())
    mirrored = {problem.coordinates.index(name): ends for name, ends in ansatz.mirrored.items()} if ansatz else {}
    scaled = Embedding(bounds, harmonics(problem) if ansatz else {}, mirrored)
    embedding = with_features(problem, scaled)
    core = network(inputs=embedding.outputs, outputs=len(problem.vocabulary.fields))
    start = start or Beginning()
    module = FieldNetwork(embedding, core, _scaling(problem, sizes, ansatz, start), problem.unknowns).to(
        dtype=dtype, device=device
    )
    return TrialFunction(
        problem,
        module,
        ansatz,
        derivatives=derivatives,
        domain=domain,
        start=start,
        prefix=prefix,
    )


def _scaling(
    problem: Problem, sizes: FieldSizes | None, ansatz: WrittenAnsatz | DerivedAnsatz | None, start: Start
) -> nn.Module:
    """From network outputs to raw outputs. What an ansatz or a window's start adds to has no level of its own."""
    if sizes is None:
        sizes = {name: (0.0, scale) for name, scale in problem.scales.items()}
    shifts, scales = zip(*(sizes.get(name, (0.0, 1.0)) for name in problem.vocabulary.fields), strict=True)
    made = () if ansatz is None else ansatz.fields
    level = [0.0 if name in made or start.goes_on(k) else shifts[k] for k, name in enumerate(problem.vocabulary.fields)]
    return nn.Identity() if set(scales) == {1.0} and not any(level) else FieldScaling(scales, level)


def make_windows(
    problem: Problem,
    network: NetworkFactory,
    windows: int = 1,
    *,
    constraints: str = "hard",
    derivatives: str = "taylor",
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    sizes: FieldSizes | None = None,
) -> TrialFunction | WindowedTrial:
    """The trial function of a problem, in that many windows of time of equal length.

    The others are as of `make_trial`. The first window's network has the parameters that a single one would have.

    Raises:
        UserError: the problem cannot be solved window by window; the message says why.
    """
    make = partial(
        make_trial,
        problem,
        network,
        constraints=constraints,
        derivatives=derivatives,
        dtype=dtype,
        device=device,
        sizes=sizes,
    )
    if windows == 1:
        return make()
    orders, replaced = time_orders(problem), initial_terms(problem)
    made: list[TrialFunction] = []
    pieces: list[Piece] = []
    memory = Memory()
    for k, (domain, start, end) in enumerate(_cut(problem.domain, windows)):
        time = domain.coordinates.index(domain.time)
        before: Start = Beginning()
        if k:
            before = Continuation(time, start, end, orders, pieces, memory=memory, replaced=replaced)
        made.append(make(domain=domain, start=before, prefix=f"window_{k}/"))
        _keep_waves(made[-1], windows)
        pieces.append(Piece(before, made[-1].network, end, end - start))
    return WindowedTrial(made)


def _keep_waves(window: TrialFunction, windows: int) -> None:
    """Give features that are not trained the waves in time that they would have on the whole domain.

    A window's time spans [-1, 1] as the whole would, so that its waves in time are longer by the number of windows.
    """
    network, domain = window.network, window.domain
    if isinstance(network.core, Network) and isinstance(network.embedding, Embedding):
        of_input = [domain.coordinates[i] for i in network.embedding.coordinates]
        network.core.rescale(torch.tensor([1.0 / windows if name == domain.time else 1.0 for name in of_input]))


def _cut(domain: Domain, windows: int) -> list[tuple[Domain, float, float]]:
    """The parts of the domain in windows of equal length, with their ends."""
    assert domain.time is not None
    first, last = domain.bounds[domain.time]
    ends = [first + (last - first) * k / windows for k in range(windows)] + [last]
    return [(domain.during(a, b), a, b) for a, b in pairwise(ends)]


def initial_terms(problem: Problem) -> tuple[str, ...]:
    """The terms at the start of time, all of whose sides are there."""
    side = f"{problem.domain.time}.min"
    return tuple(name for name, term in problem.terms().items() if term.region(problem.domain).sides == (side,))


def time_orders(problem: Problem) -> list[int]:
    """The highest derivative in time of each field that the terms contain: as many as must go on at a seam.

    Taken from all terms and not from the initial conditions alone, which an ansatz may stand for.

    Raises:
        UserError: the problem is steady, identifies unknowns, looks ahead in time or to given times.
    """
    domain, asked = problem.domain, dict[str, None]()
    if domain.time is None:
        raise UserError(f"{problem.name} cannot be solved in windows of time: it has no time; set training.windows=1")
    _require_alike_at_all_times(problem, domain.time)
    for term in problem.terms().values():
        columns = term.region(domain).columns
        asked |= {q: None for e in term.equations().values() for q in e.arguments if q not in columns}
    demands = Request(problem.vocabulary, problem.derived, tuple(asked)).demands
    time = domain.coordinates.index(domain.time)
    orders = [
        max((s.orders[time] for symbol in demands.get(field, ()) for s in symbol.expanded()), default=0)
        for field in problem.vocabulary.fields
    ]
    if not any(orders):
        why = "none of its terms has a derivative in time; set training.windows=1"
        raise UserError(f"{problem.name} cannot be solved in windows of time: {why}")
    return orders


def _require_alike_at_all_times(problem: Problem, time: str) -> None:
    """Raise UserError where a term, or what is to be identified, spans several windows."""
    why = f"{problem.name} cannot be solved in windows of time"
    require(not problem.unknowns, f"{why}: each would identify its own {', '.join(problem.unknowns)}; set windows=1")
    for name, term in problem.terms().items():
        region = term.region(problem.domain)
        require(f"{time}.max" not in region.sides, f"{why}: {name} holds at the end of time; set windows=1")
        require(not region.names_times(time), f"{why}: {name} is bound to times of its own; set windows=1")
        whole = region.of is None or region.of.bounds[time] == problem.domain.bounds[time]
        require(whole, f"{why}: {name} holds in a part of the time; set windows=1")
