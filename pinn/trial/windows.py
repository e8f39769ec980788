"""Windows of time: a trial function cut into pieces that are trained one after the other.

Block time marching (Dong & Li 2021, arXiv 2012.02895, section 2.3; time marching in Krishnapriyan et al. 2021, arXiv
2109.01050, section 5): each piece solves an easier problem than the whole, from the last state of the one before.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from pinn.basis.errors import UserError, require
from pinn.derivatives.evaluation import Request
from pinn.domains.base import Domain
from pinn.networks.base import Network
from pinn.networks.embedding import Embedding
from pinn.problem import Problem
from pinn.trial.continuation import Beginning, Continuation, Memory, Piece, Start
from pinn.trial.function import NetworkFactory, TrialFunction, make_trial

Values = Mapping[str, Tensor]


class WindowedTrial:
    """The trial functions of consecutive windows of time, as one function of the whole domain.

    A point on a seam belongs to the earlier window. Parameters are named `window_0/...`, `window_1/...`, ...
    """

    def __init__(self, windows: Sequence[TrialFunction]) -> None:
        self.windows = tuple(windows)
        first = self.windows[0]
        self.problem = first.problem
        self.domain = first.problem.domain
        self.network = first.network  # all windows' have its architecture
        self.constraints = first.constraints
        self.derivatives = first.derivatives
        self.unknowns: dict[str, float] = {}
        assert self.domain.time is not None
        self.time = self.domain.time
        self._seams = [window.domain.bounds[self.time][1] for window in self.windows[:-1]]

    @property
    def dtype(self) -> torch.dtype:
        return self.windows[0].dtype

    @property
    def device(self) -> torch.device:
        return self.windows[0].device

    def parameters(self) -> dict[str, Tensor]:
        """All windows' parameters by name, detached."""
        return {window.prefix + name: v for window in self.windows for name, v in window.parameters().items()}

    def load_parameters(self, parameters: Mapping[str, Tensor]) -> None:
        """Overwrite all windows' parameters; raises UserError where names or shapes differ."""
        unknown = [name for name in parameters if not any(name.startswith(window.prefix) for window in self.windows)]
        require(
            not unknown,
            f"parameters do not fit {len(self.windows)} windows: {', '.join(unknown)}; build the same windows first",
        )
        for window in self.windows:
            window.load_parameters(of_window(parameters, window.prefix))

    def hold_from(self, first: int) -> None:
        """Let windows from number `first` hold the last state before them: their networks' parameters become zero."""
        for window in self.windows[first:]:
            window.load_parameters({name: torch.zeros_like(v) for name, v in window.parameters().items()})

    def evaluate(self, names: Sequence[str], points: Tensor) -> dict[str, Tensor]:
        """Named quantities at points (n, d), each from the point's window; as `TrialFunction.evaluate`."""
        return self.by_window(points, [partial(window.evaluate, names) for window in self.windows])

    def by_window(self, points: Tensor, functions: Sequence[Callable[[Tensor], Values]]) -> dict[str, Tensor]:
        """At each of the points (n, d) the value of its window's function."""
        seams = points.new_tensor(self._seams)
        time = points[:, self.domain.coordinates.index(self.time)].contiguous()
        number = torch.bucketize(time, seams)  # on a seam that of the window before it
        found: dict[str, Tensor] = {}
        for k, function in enumerate(functions):
            rows = (number == k).nonzero().squeeze(1)
            if len(rows) or not k:  # without any point the first says which names there are
                for name, values in function(points[rows]).items():
                    whole = found.setdefault(name, values.new_empty((len(points), *values.shape[1:])))
                    whole[rows] = values
        return found


def of_window(parameters: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """One window's parameters by their names in its network."""
    return {name.removeprefix(prefix): v for name, v in parameters.items() if name.startswith(prefix)}


def make_windows(
    problem: Problem,
    network: NetworkFactory,
    windows: int = 1,
    *,
    constraints: str = "hard",
    derivatives: str = "taylor",
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
) -> TrialFunction | WindowedTrial:
    """The trial function of a problem, in that many windows of time of equal length.

    The others are as of `make_trial`. The first window's network has the parameters that a single one would have.

    Raises:
        UserError: the problem cannot be solved window by window; the message says why.
    """

    def make(domain: Domain | None = None, start: Start | None = None, prefix: str = "") -> TrialFunction:
        return make_trial(
            problem,
            network,
            constraints=constraints,
            derivatives=derivatives,
            dtype=dtype,
            device=device,
            domain=domain,
            start=start,
            prefix=prefix,
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
        made.append(make(domain, before, f"window_{k}/"))
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
