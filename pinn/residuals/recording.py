"""CUDA graphs: the kernels of an evaluation are recorded once and started together from then on.

A step of a small network on a GPU takes the time in which its kernels are started one by one.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.basis.logs import logger

if TYPE_CHECKING:
    from pinn.residuals.least_squares import BoundResiduals

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
        try:
            with torch.cuda.graph(graph):
                outputs = function()
        finally:
            torch.cuda.set_stream(current)  # which a recording that failed leaves at its own
    return graph.replay, outputs


class Recorder:
    """Evaluates functions of points and theta (p,) by a recording of their first evaluation.

    A recording holds as long as the shapes of the points and the weights are the same; other points are copied into it.
    Where something cannot be recorded, or is not the same when replayed, all goes on without and the log says why.
    capture: makes a recording.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.recordings: dict[tuple, Recording] = {}  # by the function and the names of held parameters
        self.usable = True

    def __call__(self, function: Evaluation, bound: "BoundResiduals", theta: Tensor) -> Outputs:
        """function(bound, theta); its outputs are the caller's, but for J, which lies in the residuals' workspace."""
        if self.usable:
            slot, key = (function.__name__, *bound.held), bound.signature(theta)
            if slot in self.recordings and self.recordings[slot].key != key:
                del self.recordings[slot]  # its memory, before that of the next is taken
            if slot in self.recordings or self._record(slot, key, function, bound, theta):
                return self.recordings[slot](bound, theta)
        return function(bound, theta)

    def _record(self, slot: tuple, key: tuple, function: Evaluation, bound: "BoundResiduals", theta: Tensor) -> bool:
        """Whether there is a recording now."""
        try:
            self.recordings[slot] = Recording(function, bound, theta, self.capture, key)
        except RuntimeError as error:
            self.usable, self.recordings = False, {}
            told = next(iter(str(error).splitlines()), type(error).__name__)
            logger.info("kernels are started one by one: %s", told)
        return self.usable


class Recording:
    """One function's recorded evaluation, from the memory to which points and theta are copied. key: its signature."""

    def __init__(
        self, function: Evaluation, bound: "BoundResiduals", theta: Tensor, capture: Capture, key: tuple
    ) -> None:
        own = bound.copied()
        self.key, self.inputs, self.theta = key, own.own_tensors(), theta.detach().clone()
        self.loaded: list[Tensor] = []
        self.replay, self.outputs = capture(lambda: function(own, self.theta))
        self._check(lambda: function(own, self.theta))

    def _check(self, evaluate: Callable[[], Outputs]) -> None:
        """Raise RuntimeError where a replay at other points and parameters differs from an evaluation there."""
        for values in self.inputs:
            values.copy_(values.roll(1, 0) if values.ndim else values)
        self.theta.mul_(0.99)
        self.replay()
        found = [_digest(output) for output in self.outputs]
        close = 1e3 * torch.finfo(self.theta.dtype).eps
        for values, again in zip(found, map(_digest, evaluate()), strict=True):
            same = float((values - again).norm()) <= close * float(again.norm())
            if not same and bool(again.isfinite().all()):
                raise RuntimeError("a recorded evaluation gives other numbers when it is replayed")

    def __call__(self, bound: "BoundResiduals", theta: Tensor) -> Outputs:
        given = bound.own_tensors()
        if not self.loaded or any(a is not b for a, b in zip(given, self.loaded, strict=True)):
            for ours, theirs in zip(self.inputs, given, strict=True):
                ours.copy_(theirs)
            self.loaded = given
        self.theta.copy_(theta.detach())
        self.replay()
        stays = bound.residuals.held_workspace
        return tuple(output if output is stays else output.clone() for output in self.outputs)


def _digest(values: Tensor) -> Tensor:
    """Vectors as they are; of J, which is large, the sums of its columns."""
    return values.clone() if values.ndim < 2 else values.sum(0)


def make_recorder(device: torch.device) -> Recorder:
    """Raises UserError where there is nothing to be recorded."""
    require(device.type == "cuda", f"compile=graphs is for GPUs, and the device is {device}; try compile=auto")
    return Recorder(partial(cuda_graph, device))
