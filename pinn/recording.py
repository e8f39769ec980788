"""CUDA graphs: the kernels of an evaluation are recorded once and started together from then on.

A step of a small network on a GPU takes the time in which its kernels are started one by one.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinn.errors import require
from pinn.logs import logger

if TYPE_CHECKING:
    from pinn.bound_residuals import BoundResiduals

Outputs = tuple[Tensor, ...]
Evaluation = Callable[["BoundResiduals", Tensor], Outputs]
Capture = Callable[[Callable[[], Outputs]], tuple[Callable[[], None], Outputs]]


def cuda_graph(device: torch.device, function: Callable[[], Outputs]) -> tuple[Callable[[], None], Outputs]:
    """What evaluates the function again, on the memory it has used, and the outputs that this overwrites.

    The function may neither wait for the device nor take numbers from the host.
    """
    with torch.cuda.device(device):
        current, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(current)
        with torch.cuda.stream(side):  # libraries set themselves up at first, which cannot be recorded
            function()
        current.wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = function()
    return graph.replay, outputs


class Recorder:
    """Evaluates functions of points and theta (p,) by a recording of their first evaluation.

    A recording holds as long as the shapes of the points and the weights are the same; other points are copied into it.
    Where something cannot be recorded, or is not the same when replayed, all goes on without and the log says why.
    capture: makes a recording.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.recordings: dict[str, Recording] = {}
        self.usable = True

    def __call__(self, function: Evaluation, bound: "BoundResiduals", theta: Tensor) -> Outputs:
        """function(bound, theta); its outputs are the caller's, but for J, which lies in the residuals' workspace."""
        if not self.usable or bound.held:
            return function(bound, theta)
        name, key = function.__name__, bound.signature(theta)
        recording = self.recordings.get(name)
        if recording is None or recording.key != key:
            self.recordings.pop(name, None)  # its memory, before that of the next is taken
            try:
                recording = Recording(function, bound, theta, self.capture, key)
            except RuntimeError as error:
                self.usable, self.recordings = False, {}
                logger.info("kernels are started one by one: %s", str(error).splitlines()[0])
                return function(bound, theta)
            self.recordings[name] = recording
        return recording(bound, theta)


class Recording:
    """One function's recorded evaluation at points that are copied to where it reads them."""

    def __init__(
        self, function: Evaluation, bound: "BoundResiduals", theta: Tensor, capture: Capture, key: Any
    ) -> None:
        self.key = key
        self.bound, self.theta = bound.copied(), theta.detach().clone()
        self.loaded = bound.own_tensors()
        expected = [_digest(output) for output in function(self.bound, self.theta)]
        self.replay, self.outputs = capture(lambda: function(self.bound, self.theta))
        self.replay()
        close = 1e3 * torch.finfo(theta.dtype).eps
        for output, value in zip(self.outputs, expected, strict=True):
            same = float((_digest(output) - value).norm()) <= close * float(value.norm())
            if not same and bool(value.isfinite().all()):
                raise RuntimeError(f"a recording of {function.__name__} gives other numbers")

    def __call__(self, bound: "BoundResiduals", theta: Tensor) -> Outputs:
        given = bound.own_tensors()
        if any(a is not b for a, b in zip(given, self.loaded, strict=True)):
            for ours, theirs in zip(self.bound.own_tensors(), given, strict=True):
                ours.copy_(theirs)
            self.loaded = given
        self.theta.copy_(theta.detach())
        self.replay()
        stays = self.bound.residuals.held_workspace
        return tuple(output if output is stays else output.clone() for output in self.outputs)


def _digest(values: Tensor) -> Tensor:
    """Vectors as they are; of J, which is large, the sums of its columns."""
    return values.clone() if values.ndim < 2 else values.sum(0)


def make_recorder(device: torch.device) -> Recorder:
    """Raises UserError where there is nothing to be recorded."""
    require(device.type == "cuda", f"compile=graphs is for GPUs, and the device is {device}; try compile=auto")
    return Recorder(partial(cuda_graph, device))
