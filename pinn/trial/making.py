"""Trial functions made from a problem and a network, whole or in windows of time."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import nn

from pinn.ansatz.from_conditions import DerivedAnsatz, derive
from pinn.ansatz.written import WrittenAnsatz
from pinn.basis.arguments import argument_names
from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger
from pinn.basis.memory import Memory
from pinn.derivatives.evaluation import Request
from pinn.derivatives.jets import Values
from pinn.domains.base import Domain
from pinn.networks.base import Network
from pinn.networks.corrected import CorrectedNetwork
from pinn.networks.embedding import Embedding, FeaturedEmbedding, PartedEmbedding
from pinn.networks.parted import is_parted, parted_network
from pinn.networks.random_features import RandomFeatures
from pinn.networks.scaling import FieldScaling
from pinn.networks.spectral import Spectral
from pinn.problem import Problem
from pinn.trial.around import around_holes
from pinn.trial.characteristics import Characteristics, parts_of
from pinn.trial.continuation import Beginning, Continuation, Piece, Start
from pinn.trial.function import FieldNetwork, NetworkFactory, TrialFunction, own_inputs, trained_for
from pinn.trial.interfaces import Continuity, Interfaces
from pinn.trial.looking_back import LookingBack
from pinn.trial.parts import Parts
from pinn.trial.windows import WindowedTrial

CONSTRAINTS = ("hard", "values", "soft")
AUTO = "auto"  # windows that are cut while they are solved
FEATURES_OF_TIME, FEATURES = 100, 600  # of a window: of time alone for each field, of other coordinates in all
FieldSizes = Mapping[str, tuple[float, float]]  # field -> shift and size


def make_ansatz(problem: Problem, constraints: str) -> WrittenAnsatz | DerivedAnsatz | None:
    """The problem's own ansatz, or the one that its conditions allow, or its values do; none for soft constraints."""
    require(
        constraints in CONSTRAINTS,
        f"constraints must be one of {', '.join(CONSTRAINTS)}, got {constraints!r}",
    )
    if constraints == "soft":
        return None
    if getattr(problem, "ansatz", None) is not None:
        return WrittenAnsatz(problem)
    return derive(problem, slopes=constraints == "hard")


def harmonics(problem: Problem) -> dict[int, int]:
    """Number of each periodic coordinate -> harmonics through which a network sees it."""
    periods = [period for term in problem.all_terms().values() if (period := term.period()) is not None]
    return {problem.coordinates.index(period.coordinate): period.harmonics for period in periods}


def with_features(problem: Problem, embedding: Embedding) -> Embedding | FeaturedEmbedding:
    """The embedding with the problem's features beside it, or where it has none with those of its domain's holes.

    Raises UserError for unknown names.
    """
    method = getattr(problem, "features", None)
    if method is None:
        around, count = around_holes(problem.domain)
        return FeaturedEmbedding(embedding, around, count) if count else embedding
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
) -> TrialFunction:
    """Build the trial function of a problem.

    network: a callable (inputs=, outputs=) -> nn.Module, such as `functools.partial(MLP, width=32)`.
    sizes: field -> (shift, size) by which the network's outputs become the field's, in its unit; (0, 1) where not
    named, None for the problem's own scales; of an unknown, by which it is trained. An ansatz and a window's start take
    the place of a shift.
    Parameters are created on the CPU from torch's global generator, then moved.
    """
    problem.check_complete()
    ansatz, parts = make_ansatz(problem, constraints), _parts_for(network, problem, dtype)
    return _with_ansatz(problem, network, ansatz, parts, derivatives, dtype, device, sizes)


def _with_ansatz(
    problem: Problem,
    network: NetworkFactory,
    ansatz: WrittenAnsatz | DerivedAnsatz | None,
    parts: Parts | None,
    derivatives: str,
    dtype: torch.dtype,
    device: str | torch.device,
    sizes: FieldSizes | None,
    *,
    domain: Domain | None = None,
    start: Start | None = None,
    prefix: str = "",
    few_waves: bool = False,
) -> TrialFunction:
    """The same, of the whole domain or of a window of time.

    parts: of the problem's domain, where the network is one of several. domain, start, prefix: of a window, as of
    `TrialFunction`; inputs are scaled from its bounds. few_waves: no more random features than a window of a few waves
    can tell apart.
    """
    start = start or Beginning()
    embedding = with_features(problem, _scaled(problem, ansatz, domain or problem.domain))
    seen, core = _seen_and_core(network, problem, embedding, parts, domain or problem.domain, few_waves)
    if isinstance(ansatz, DerivedAnsatz) and isinstance(core, Spectral):
        ansatz.remember()
    own = own_inputs(problem, embedding.coordinates)
    scales = {name: size for name, (_, size) in (sizes or {}).items() if name in problem.unknowns}
    scaling = _scaling(problem, sizes, ansatz, start)
    module = FieldNetwork(seen, core, scaling, trained_for(problem, scales), own, scales)
    return TrialFunction(
        problem,
        module.to(dtype=dtype, device=device),
        ansatz,
        derivatives=derivatives,
        domain=domain,
        start=start,
        prefix=prefix,
        parts=parts,
        interfaces=_interfaces(problem, parts, _scales(problem, sizes)),
    )


def _interfaces(problem: Problem, parts: Parts | None, scales: Mapping[str, float]) -> Interfaces | None:
    """What holds where the parts meet, if there are any."""
    if parts is None:
        return None
    kind = Continuity if isinstance(parts, Characteristics) else Interfaces
    return kind(problem, parts, scales)


def _scaled(problem: Problem, ansatz: WrittenAnsatz | DerivedAnsatz | None, domain: Domain) -> Embedding:
    """Coordinates as a network sees them: scaled, around their periods and mirrored as the ansatz asks."""
    mirrored = {problem.coordinates.index(name): ends for name, ends in ansatz.mirrored.items()} if ansatz else {}
    return Embedding(list(domain.bounds.values()), harmonics(problem) if ansatz else {}, mirrored)


def _seen_and_core(
    network: NetworkFactory,
    problem: Problem,
    embedding: Embedding | FeaturedEmbedding,
    parts: Parts | None,
    domain: Domain,
    few_waves: bool,
) -> tuple[Embedding | FeaturedEmbedding | PartedEmbedding, nn.Module]:
    """What a network sees of a domain, whole or in parts, and the network."""
    seen: Embedding | FeaturedEmbedding | PartedEmbedding = embedding
    if parts is not None:
        seen = PartedEmbedding(embedding, parts, parts.boxes_within(domain))
        network = parted_network(network, parts.count)
    outputs = len(problem.vocabulary.fields)
    core = network(inputs=seen.outputs, outputs=outputs)
    if few_waves:
        core = _with_few_waves(core, embedding.outputs, outputs)
    if isinstance(core, (Network, CorrectedNetwork)) and parts is None:
        core.see(embedding.coordinates)
    return seen, core


def _parts_for(network: NetworkFactory, problem: Problem, dtype: torch.dtype) -> Parts | None:
    """The parts that a network of several needs; raises UserError where the problem has one, or numbers are short."""
    if not is_parted(network):
        return None
    parts = parts_of(problem)
    if parts is None:
        raise UserError(
            f"{problem.name} has no parts: no coefficient that depends on the coordinates alone jumps or has a kink in "
            "its equations; was the problem changed? Choose a network of one piece, such as network=mlp"
        )
    require(dtype == torch.float64, "a network of several parts needs dtype=float64, to see both sides of a border")
    return parts


def _scales(problem: Problem, sizes: FieldSizes | None) -> Mapping[str, float]:
    return problem.scales if sizes is None else {name: size for name, (_, size) in sizes.items()}


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
    windows: int | str | Sequence[float] = 1,
    *,
    constraints: str = "hard",
    derivatives: str = "taylor",
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    sizes: FieldSizes | None = None,
    leveled: bool = True,
) -> TrialFunction | WindowedTrial:
    """The trial function of a problem in windows of time.

    windows: so many of equal length; the times at which they end; or `auto`, one window that can be cut into others,
    where the problem allows it. The others are as of `make_trial`. The first window's network has the parameters that
    a single one would have. leveled: whether what later windows add is freed of the ansatz's factor of time, as it is
    in files of format 2 and later.

    Raises:
        UserError: the problem cannot be solved window by window; the message says why.
    """
    problem.check_complete()
    ansatz, parts = make_ansatz(problem, constraints), _parts_for(network, problem, dtype)  # the same for all windows
    made = partial(_with_ansatz, problem, network, ansatz, parts, derivatives, dtype, device, sizes)
    make = partial(made, few_waves=windows == AUTO)
    if windows == 1 or (windows == AUTO and problem.domain.time is None):
        return make()
    try:
        scissors = WindowCutter(problem, make, ansatz.powers if ansatz is not None and leveled else {})
    except UserError as error:
        if windows != AUTO:
            raise
        logger.info("windows: one, because %s", error)
        return make()
    return _cut(scissors, windows)


class WindowCutter:
    """Makes the windows of a problem's time, each after those before it.

    make: a trial function, as of `_with_ansatz`. powers: of time in its ansatz, by field, as of `DerivedAnsatz`. seed:
    of each window's random parameters, with its number; None draws them one after the other. Raises UserError where
    the problem cannot be cut.
    """

    def __init__(self, problem: Problem, make: Callable[..., TrialFunction], powers: Mapping[str, int]) -> None:
        self.problem = problem
        self.make = make
        self.powers = [powers.get(name, 0) for name in problem.vocabulary.fields]
        self.seed: int | None = None
        self.orders, self.replaced = time_orders(problem), initial_terms(problem)
        assert problem.domain.time is not None
        self.time = problem.domain.time
        self.number = problem.domain.coordinates.index(self.time)
        self.looks_back = any(self.time in one.along for one in problem.elsewhere.values())
        self.memory = Memory()

    def __call__(self, before: Sequence[TrialFunction], end: float) -> TrialFunction:
        """The window after others, up to a time."""
        pieces = [*before[-1].start.before, self._piece(before[-1])] if before else []
        begin = pieces[-1].end if pieces else self.problem.domain.bounds[self.time][0]
        start: Start = Beginning()
        if pieces:
            going_on = Continuation(
                self.number,
                begin,
                end,
                self.orders,
                pieces,
                whole=self.problem.domain.bounds[self.time],
                powers=self.powers,
                memory=self.memory,
                replaced=self.replaced,
            )
            start = LookingBack(going_on) if self.looks_back else going_on
        domain, prefix = self.problem.domain.during(begin, end), f"window_{len(pieces)}/"
        if self.seed is None:
            return self.make(domain=domain, start=start, prefix=prefix)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + len(pieces))
            return self.make(domain=domain, start=start, prefix=prefix)

    def _piece(self, window: TrialFunction) -> Piece:
        first, last = window.domain.bounds[self.time]
        return Piece(window.start, window.network, last, last - first)


def _cut(scissors: WindowCutter, windows: int | str | Sequence[float]) -> WindowedTrial:
    """The windows that a number or their ends tell; of `auto` the first, with the scissors for others."""
    first, last = scissors.problem.domain.bounds[scissors.time]
    if windows == AUTO:
        scissors.seed = torch.initial_seed()
        return WindowedTrial([scissors((), last)], scissors)
    made: list[TrialFunction] = []
    for end in _ends(windows, first, last):
        made.append(scissors(made, end))
        if isinstance(windows, int):
            _keep_waves(made[-1], windows)
    return WindowedTrial(made)


def _ends(windows: int | str | Sequence[float], first: float, last: float) -> list[float]:
    """Where windows end, of equal length where their number is given."""
    if isinstance(windows, int):
        return [first + (last - first) * k / windows for k in range(1, windows)] + [last]
    return [float(end) for end in windows]


def _with_few_waves(core: nn.Module, inputs: int, outputs: int) -> nn.Module:
    """The same network, but no more random features than a window of a few waves can tell apart."""
    enough = FEATURES_OF_TIME if inputs == 1 else max(FEATURES // outputs, FEATURES_OF_TIME)
    return core.first(enough) if isinstance(core, RandomFeatures) and core.width > enough else core


def _keep_waves(window: TrialFunction, windows: int) -> None:
    """Give features that are not trained the waves in time that they would have on the whole domain.

    A window's time spans [-1, 1] as the whole would, so that its waves in time are longer by the number of windows.
    """
    network, domain = window.network, window.domain
    if isinstance(network.core, Network) and isinstance(network.embedding, Embedding):
        of_input = [domain.coordinates[i] for i in network.embedding.coordinates]
        network.core.rescale(torch.tensor([1.0 / windows if name == domain.time else 1.0 for name in of_input]))


def initial_terms(problem: Problem) -> tuple[str, ...]:
    """The terms at the start of time, all of whose sides are there."""
    side = f"{problem.domain.time}.min"
    return tuple(name for name, term in problem.all_terms().items() if term.region(problem.domain).sides == (side,))


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
    for term in problem.all_terms().values():
        columns = term.region(domain).columns
        asked |= {q: None for e in term.equations().values() for q in e.arguments if q not in columns}
    request = Request(problem.vocabulary, problem.derived, tuple(asked), {}, elsewhere=problem.elsewhere)
    time = domain.coordinates.index(domain.time)
    orders = [request.order(field, time) for field in problem.vocabulary.fields]
    if not any(orders):
        why = "none of its terms has a derivative in time; set training.windows=1"
        raise UserError(f"{problem.name} cannot be solved in windows of time: {why}")
    return orders


def _require_alike_at_all_times(problem: Problem, time: str) -> None:
    """Raise UserError where a term, or what is to be identified, spans several windows."""
    why = f"{problem.name} cannot be solved in windows of time"
    require(not problem.unknowns, f"{why}: each would identify its own {', '.join(problem.unknowns)}; set windows=1")
    for name, one in problem.elsewhere.items():
        ahead = time in one.along and one.looks_ahead(time)
        require(not ahead, f"{why}: {name} looks ahead, to times that come later; set windows=1")
    for name, term in problem.all_terms().items():
        region = term.region(problem.domain)
        require(f"{time}.max" not in region.sides, f"{why}: {name} holds at the end of time; set windows=1")
        require(not region.names_times(time), f"{why}: {name} is bound to times of its own; set windows=1")
        whole = region.of is None or region.of.bounds[time] == problem.domain.bounds[time]
        require(whole, f"{why}: {name} holds in a part of the time; set windows=1")
