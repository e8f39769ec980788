"""CUDA graphs: the kernels of an evaluation are recorded once and started together from then on.

A step of a small network on a GPU takes the time in which its kernels are started one by one.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from pinn.basis.logs import logger
from pinn.residuals.least_squares import CollocationLeastSquares
from pinn.residuals.protocol import CollocationWrapper
from pinn.sampling.points import PointSet

Outputs = tuple[Tensor, ...]
Evaluation = Callable[[CollocationLeastSquares, Tensor], Outputs]
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


class RecordedLeastSquares(CollocationWrapper[CollocationLeastSquares]):
    """Least squares whose evaluations are recordings."""

    def __init__(self, inner: CollocationLeastSquares, recorder: "Recorder") -> None:
        super().__init__(inner)
        self.recorder = recorder

    def at(self, points: PointSet, own: PointSet | None = None) -> "RecordedLeastSquares":
        return RecordedLeastSquares(self.inner.at(points, own), self.recorder)

    def last_layer(self, theta: Tensor) -> "tuple[Tensor, RecordedLeastSquares] | None":
        layer = self.inner.last_layer(theta)
        return None if layer is None else (layer[0], RecordedLeastSquares(layer[1], self.recorder))

    def residual(self, theta: Tensor) -> Tensor:
        if torch.is_grad_enabled():  # what is differentiated is not recorded
            return self.inner.residual(theta)
        return self.recorder(_residual, self.inner, theta)[0]

    def loss(self, theta: Tensor) -> Tensor:
        return self.recorder(_loss, self.inner, theta)[0]

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = self.recorder(CollocationLeastSquares.loss_and_gradient, self.inner, theta)
        return loss, gradient

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        r, j = self.recorder(CollocationLeastSquares.jacobian, self.inner, theta)
        return r, j

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        product, right, loss = self.recorder(CollocationLeastSquares.normal_equations, self.inner, theta)
        return product, right, loss


def _residual(plain: CollocationLeastSquares, theta: Tensor) -> Outputs:
    return (plain.residual(theta),)


def _loss(plain: CollocationLeastSquares, theta: Tensor) -> Outputs:
    return (plain.loss(theta),)


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

    def of(self, plain: CollocationLeastSquares) -> RecordedLeastSquares:
        """The same least squares, evaluated by recordings."""
        return RecordedLeastSquares(plain, self)

    def __call__(self, function: Evaluation, plain: CollocationLeastSquares, theta: Tensor) -> Outputs:
        """function(plain, theta); its outputs are the caller's, but for J, which lies in the workspace."""
        if self.usable:
            slot, key = (function.__name__, *plain.held), _signature(plain, theta)
            if slot in self.recordings and self.recordings[slot].key != key:
                del self.recordings[slot]  # its memory, before that of the next is taken
            if slot in self.recordings or self._record(slot, key, function, plain, theta):
                return self.recordings[slot](plain, theta)
        return function(plain, theta)

    def _record(
        self, slot: tuple, key: tuple, function: Evaluation, plain: CollocationLeastSquares, theta: Tensor
    ) -> bool:
        """Whether there is a recording now."""
        try:
            self.recordings[slot] = Recording(function, plain, theta, self.capture, key)
        except RuntimeError as error:
            self.usable, self.recordings = False, {}
            told = next(iter(str(error).splitlines()), type(error).__name__)
            logger.info("kernels are started one by one: %s", told)
        return self.usable


class Recording:
    """One function's recorded evaluation, from the memory to which points and theta are copied. key: its signature."""

    def __init__(
        self, function: Evaluation, plain: CollocationLeastSquares, theta: Tensor, capture: Capture, key: tuple
    ) -> None:
        own = _copied(plain)
        self.key, self.inputs, self.theta = key, _inputs(own), theta.detach().clone()
        self.loaded: list[Tensor] = []
        self.replay, self.outputs = capture(lambda: function(own, self.theta))
        self._check(lambda: function(own, self.theta))

    def _check(self, evaluate: Callable[[], Outputs]) -> None:
        """Raise RuntimeError where a replay at other points and parameters differs from an evaluation there."""
        for values in self.inputs:
            values.copy_(values.roll(1, 0) if values.ndim else values)
        self.theta.mul_(0.99)
        self.replay()
        replayed = [_digest(output) for output in self.outputs]
        close = 1e3 * torch.finfo(self.theta.dtype).eps
        for values, again in zip(replayed, map(_digest, evaluate()), strict=True):
            same = float((values - again).norm()) <= close * float(again.norm())
            if not same and bool(again.isfinite().all()):
                raise RuntimeError("a recorded evaluation gives other numbers when it is replayed")

    def __call__(self, plain: CollocationLeastSquares, theta: Tensor) -> Outputs:
        given = _inputs(plain)
        if not self.loaded or any(a is not b for a, b in zip(given, self.loaded, strict=True)):
            for ours, theirs in zip(self.inputs, given, strict=True):
                ours.copy_(theirs)
            self.loaded = given
        self.theta.copy_(theta.detach())
        self.replay()
        stays = plain.workspace.matrix
        return tuple(output if output is stays else output.clone() for output in self.outputs)


def _inputs(plain: CollocationLeastSquares) -> list[Tensor]:
    """All that the own rows are computed from beside theta."""
    of_points = [values for points in plain.own.values() for values in points.tensors().values()]
    return [*of_points, *plain.held.values()]


def _signature(plain: CollocationLeastSquares, theta: Tensor) -> tuple:
    """What two problems have in common that differ in nothing but the values of points and theta."""
    counts = {label: len(points) for label, points in plain.points.items()}
    shapes = {
        label: {name: values.shape for name, values in points.tensors().items()} for label, points in plain.own.items()
    }
    held = {name: values.shape for name, values in plain.held.items()}
    return theta.shape, theta.dtype, theta.device, counts, shapes, held, dict(plain.residuals.weights)


def _copied(plain: CollocationLeastSquares) -> CollocationLeastSquares:
    """The same at points, and with held parameters, of their own memory."""
    copied = plain.at(plain.points, {label: points.copied() for label, points in plain.own.items()})
    copied.held = {name: values.clone() for name, values in plain.held.items()}
    return copied


def _digest(values: Tensor) -> Tensor:
    """Vectors as they are; of J, which is large, the sums of its columns."""
    return values.clone() if values.ndim < 2 else values.sum(0)


def make_recorder(device: torch.device) -> Callable[[CollocationLeastSquares], RecordedLeastSquares]:
    """What makes recorded least squares, all of one window, on a GPU."""
    return Recorder(partial(cuda_graph, device)).of
