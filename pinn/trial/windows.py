"""Windows of time: a trial function cut into pieces that are trained one after the other.

Block time marching (Dong & Li 2021, arXiv 2012.02895, section 2.3; time marching in Krishnapriyan et al. 2021, arXiv
2109.01050, section 5): each piece solves an easier problem than the whole, from the last state of the one before.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.sampling.base import PartOf
from pinn.trial.function import FieldNetwork, TrialFunction


class Scissors(Protocol):
    """Cuts windows of time: that which follows others and ends at a time."""

    def __call__(self, before: Sequence[TrialFunction], end: float) -> TrialFunction: ...


class WindowedTrial:
    """The trial functions of consecutive windows of time, as one function of the whole domain.

    A point on a seam belongs to the earlier window. Parameters are named `window_0/...`, `window_1/...`, ...
    scissors: cuts other windows, where their ends are not settled.
    """

    def __init__(self, windows: Sequence[TrialFunction], scissors: Scissors | None = None) -> None:
        self.windows = tuple(windows)
        self.scissors = scissors
        first = self.windows[0]
        self.problem = first.problem
        self.domain = first.problem.domain
        self.constraints = first.constraints
        self.derivatives = first.derivatives
        self.unknowns: dict[str, float] = {}
        assert self.domain.time is not None
        self.time = self.domain.time

    @property
    def network(self) -> FieldNetwork:
        """The first window's; all have its architecture."""
        return self.windows[0].network

    @property
    def ends(self) -> tuple[float, ...]:
        """The time at which each window ends."""
        return tuple(window.domain.bounds[self.time][1] for window in self.windows)

    @property
    def untrained(self) -> float:
        """The share of time in which the fields are held as they ended, see `hold_from`."""
        first, last = self.domain.bounds[self.time]
        held = [not any(bool(v.any()) for v in window.parameters().values()) for window in self.windows]
        bounds = [window.domain.bounds[self.time] for window in self.windows]
        return sum(end - start for (start, end), is_held in zip(bounds, held, strict=True) if is_held) / (last - first)

    def cut(self, number: int, end: float) -> None:
        """Let window `number` be a new one that ends at a time; windows after it are dropped."""
        assert self.scissors is not None
        kept = self.windows[:number]
        self.windows = (*kept, self.scissors(kept, end))

    @property
    def dtype(self) -> torch.dtype:
        return self.windows[0].dtype

    @property
    def device(self) -> torch.device:
        return self.windows[0].device

    @property
    def parts(self) -> PartOf | None:
        return self.windows[0].parts

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

    def by_window(
        self, points: Tensor, functions: Sequence[Callable[[Tensor], dict[str, Tensor]]]
    ) -> dict[str, Tensor]:
        """At each of the points (n, d) the value of its window's function."""
        seams = points.new_tensor(self.ends[:-1])
        time = points[:, self.domain.coordinates.index(self.time)].contiguous()
        number = torch.bucketize(time, seams)  # on a seam that of the window before it
        answers: dict[str, Tensor] = {}
        for k, function in enumerate(functions):
            rows = (number == k).nonzero().squeeze(1)
            if len(rows) or not (k or len(points)):  # without any point the first says which names there are
                for name, values in function(points[rows]).items():
                    whole = answers.setdefault(name, values.new_empty((len(points), *values.shape[1:])))
                    whole[rows] = values
        return answers


def settled(trial: TrialFunction | WindowedTrial) -> TrialFunction | WindowedTrial:
    """The same; a single window that could have been cut is a plain trial function, named without its number."""
    if not isinstance(trial, WindowedTrial) or len(trial.windows) > 1:
        return trial
    whole = copy.copy(trial.windows[0])
    whole.prefix = ""
    return whole


def of_window(parameters: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """One window's parameters by their names in its network."""
    return {name.removeprefix(prefix): v for name, v in parameters.items() if name.startswith(prefix)}


def longest_of(windows: Sequence[TrialFunction]) -> TrialFunction:
    """The first of the longest windows of time."""

    def duration(window: TrialFunction) -> float:
        begin, end = window.domain.bounds[window.domain.time] if window.domain.time else (0.0, 0.0)
        return end - begin

    return max(windows, key=duration)
