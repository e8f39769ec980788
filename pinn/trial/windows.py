"""Windows of time: a trial function cut into pieces that are trained one after the other.

Block time marching (Dong & Li 2021, arXiv 2012.02895, section 2.3; time marching in Krishnapriyan et al. 2021, arXiv
2109.01050, section 5): each piece solves an easier problem than the whole, from the last state of the one before.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.trial.function import TrialFunction


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

    def by_window(
        self, points: Tensor, functions: Sequence[Callable[[Tensor], dict[str, Tensor]]]
    ) -> dict[str, Tensor]:
        """At each of the points (n, d) the value of its window's function."""
        seams = points.new_tensor(self._seams)
        time = points[:, self.domain.coordinates.index(self.time)].contiguous()
        number = torch.bucketize(time, seams)  # on a seam that of the window before it
        answers: dict[str, Tensor] = {}
        for k, function in enumerate(functions):
            rows = (number == k).nonzero().squeeze(1)
            if len(rows) or not k:  # without any point the first says which names there are
                for name, values in function(points[rows]).items():
                    whole = answers.setdefault(name, values.new_empty((len(points), *values.shape[1:])))
                    whole[rows] = values
        return answers


def of_window(parameters: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """One window's parameters by their names in its network."""
    return {name.removeprefix(prefix): v for name, v in parameters.items() if name.startswith(prefix)}
