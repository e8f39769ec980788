"""First-order methods: torch's, and any other that is built like them, with torch's learning-rate schedules."""

import copy
import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Size, Tensor

from pinn.basis.errors import UserError, require
from pinn.optimizers.base import Optimizer, Report, State
from pinn.residuals.protocol import LeastSquares

Method = Callable[[list[Tensor]], torch.optim.Optimizer]
Schedule = Callable[[torch.optim.Optimizer], Any]  # makes a torch.optim.lr_scheduler.LRScheduler


class FirstOrder(Optimizer):
    """What the members share: one evaluation of the gradient a step, and schedules of the learning rate.

    schedules: by name; each is stepped once a step, so that their factors multiply.
    The torch objects are made for each step and filled from the state, which is all that lasts.
    """

    default_steps = 20_000

    def __init__(self, schedules: Mapping[str, Schedule]) -> None:
        self.schedules = dict(schedules)
        self._schedulers(self._methods(torch.zeros(2), {"matrix": torch.zeros(2, 2)}))  # fails early

    def init(self, theta: Tensor) -> State:
        return {"methods": [], "schedulers": []}

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        value, g = least_squares.loss_and_gradient(theta)
        loss, theta = float(value), theta.detach().clone()
        theta.grad = g
        methods = self._methods(theta, parameters(theta, least_squares.shapes))
        schedulers = self._schedulers(methods)
        if state["methods"]:
            state = copy.deepcopy(state)
            for target, saved in zip(methods + schedulers, state["methods"] + state["schedulers"], strict=True):
                target.load_state_dict(saved)
        report: Report = {
            "loss": loss,
            "gradient_norm": float(g.norm()),
            "learning_rate": float(methods[0].param_groups[0]["lr"]),
            "accepted": True,
        }
        for method in methods:
            method.step()
        for scheduler in schedulers:
            measured = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
            scheduler.step(loss) if measured else scheduler.step()
        state = {
            "methods": [tree(method.state_dict()) for method in methods],
            "schedulers": [tree(scheduler.state_dict()) for scheduler in schedulers],
        }
        return theta.detach(), state, report

    @abstractmethod
    def _methods(self, theta: Tensor, parameters: Mapping[str, Tensor]) -> list[torch.optim.Optimizer]:
        """The torch optimizers of theta (p,) or of the parameters, views of theta by name; both hold gradients."""

    def _schedulers(self, methods: list[torch.optim.Optimizer]) -> list[Any]:
        try:
            return [make(method) for method in methods for make in self.schedules.values()]
        except (TypeError, ValueError) as error:
            raise UserError(f"optimizer.schedule cannot be made: {error}") from error


class TorchOptimizer(FirstOrder):
    """Any optimizer of torch's interface that needs one gradient a step.

    method: makes it from the list of parameters: `functools.partial(torch.optim.RAdam, lr=1e-3)`.
    schedule: makes a scheduler from it, `functools.partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=1000)`,
    or several by name, whose factors multiply; None keeps the learning rate.
    Raises UserError where they cannot be made, or where the method evaluates the loss itself, as L-BFGS does.
    """

    def __init__(self, method: Method, *, schedule: Schedule | Mapping[str, Schedule] | None = None) -> None:
        require(callable(method), f"optimizer.method must make a torch optimizer from parameters, got {method!r}")
        self.method = method
        made = self._methods(torch.zeros(2), {"matrix": torch.zeros(2, 2)})[0]
        require(isinstance(made, torch.optim.Optimizer), f"optimizer.method must make a torch optimizer, got {made!r}")
        closure = inspect.signature(type(made).step).parameters.get("closure")
        require(
            closure is None or closure.default is not inspect.Parameter.empty,
            f"{type(made).__name__} evaluates the loss several times a step; use optimizer=lbfgs or ssbroyden",
        )
        super().__init__(_by_name(schedule))

    def _methods(self, theta: Tensor, parameters: Mapping[str, Tensor]) -> list[torch.optim.Optimizer]:
        try:
            return [self.method(list(parameters.values()))]
        except (TypeError, ValueError) as error:
            raise UserError(f"optimizer.method cannot be made: {error}") from error


@dataclass(kw_only=True, eq=False)
class Decaying(FirstOrder):
    """The options that the named methods share.

    learning_rate: of the first step, > 0. decay: its factor every `decay_steps` steps, in (0, 1]. schedule: in place
    of the decay, as in TorchOptimizer.
    """

    learning_rate: float = 1e-3
    decay: float = 0.9
    decay_steps: int = 2000
    schedule: Any = None

    def __post_init__(self) -> None:
        require(
            0 < self.learning_rate < float("inf"), f"optimizer.learning_rate must be positive, got {self.learning_rate}"
        )
        require(0 < self.decay <= 1, f"optimizer.decay must be in (0, 1], got {self.decay}")
        require(self.decay_steps >= 1, f"optimizer.decay_steps must be >= 1, got {self.decay_steps}")
        exponential = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=self.decay ** (1.0 / self.decay_steps))
        super().__init__(_by_name(exponential if self.schedule is None else self.schedule))


@dataclass(kw_only=True, eq=False)
class Adam(Decaying):
    """Adam (Kingma & Ba 2015, arXiv 1412.6980), by torch.

    learning_rate, decay, decay_steps, schedule: see Decaying. betas: memory of the gradient's mean and of its mean
    square, in [0, 1). epsilon: added to the root mean square, > 0.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-12

    def __post_init__(self) -> None:
        require(len(self.betas) == 2, f"optimizer.betas must be two numbers, got {list(self.betas)}")
        self.betas = (self.betas[0], self.betas[1])
        require(all(0 <= beta < 1 for beta in self.betas), f"optimizer.betas must be in [0, 1), got {self.betas}")
        require(0 < self.epsilon < float("inf"), f"optimizer.epsilon must be positive, got {self.epsilon}")
        super().__post_init__()

    def _settings(self) -> dict[str, Any]:
        """Torch's names for the options."""
        return {"lr": self.learning_rate, "betas": self.betas, "eps": self.epsilon}

    def _methods(self, theta: Tensor, parameters: Mapping[str, Tensor]) -> list[torch.optim.Optimizer]:
        return [torch.optim.Adam([theta], **self._settings())]


@dataclass(kw_only=True, eq=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101), by torch.

    weight_decay: theta shrinks by learning rate times this in each step, >= 0. Others as in Adam.
    """

    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        _require_not_negative("weight_decay", self.weight_decay)
        super().__post_init__()

    def _methods(self, theta: Tensor, parameters: Mapping[str, Tensor]) -> list[torch.optim.Optimizer]:
        return [torch.optim.AdamW([theta], weight_decay=self.weight_decay, **self._settings())]


@dataclass(kw_only=True, eq=False)
class SOAP(Adam):
    """Adam in the eigenbases of Shampoo's factors (Vyas et al. 2025, arXiv 2409.11321), by pytorch-optimizer.

    For a weight matrix with gradient G, the eigenvectors of the running means of G G^T and G^T G; vectors are left to
    Adam. The first step only takes in the gradient. Recommended for physics-informed networks by Wang et al. 2025,
    arXiv 2502.00604.

    betas: as in Adam; the second is also that of the factors. refresh_every: steps between two refreshments of the
    eigenvectors, by one power step and QR, >= 1. Others as in Adam.
    """

    betas: tuple[float, float] = (0.99, 0.99)
    refresh_every: int = 2

    def __post_init__(self) -> None:
        require(self.refresh_every >= 1, f"optimizer.refresh_every must be >= 1, got {self.refresh_every}")
        super().__post_init__()

    def _methods(self, theta: Tensor, parameters: Mapping[str, Tensor]) -> list[torch.optim.Optimizer]:
        from pytorch_optimizer import SOAP as Method  # here, because its import takes half a second

        settings = self._settings() | {"weight_decay": 0.0, "precondition_frequency": self.refresh_every}
        return [Method(list(parameters.values()), **settings)]


@dataclass(kw_only=True, eq=False)
class Muon(Decaying):
    """Momentum, orthogonalized matrix by matrix (Jordan et al. 2024; Liu et al. 2025, arXiv 2502.16982), by torch.

    Matrices with more than one row and column; the other parameters are left to AdamW with the same learning rate,
    which the scaling of arXiv 2502.16982, section 2.2, makes suit both.

    momentum: memory of the gradient's mean, in [0, 1). iterations: of Newton and Schulz, 1 to 99. weight_decay: as in
    AdamW. Others as in Adam.
    """

    momentum: float = 0.95
    iterations: int = 5
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.momentum < 1, f"optimizer.momentum must be in [0, 1), got {self.momentum}")
        require(1 <= self.iterations <= 99, f"optimizer.iterations must be in 1 to 99, got {self.iterations}")
        _require_not_negative("weight_decay", self.weight_decay)
        super().__post_init__()

    def _methods(self, theta: Tensor, parameters: Mapping[str, Tensor]) -> list[torch.optim.Optimizer]:
        matrices = [values for values in parameters.values() if values.ndim == 2 and min(values.shape) > 1]
        others = [values for values in parameters.values() if not (values.ndim == 2 and min(values.shape) > 1)]
        settings = {"lr": self.learning_rate, "weight_decay": self.weight_decay}
        muon = partial(
            torch.optim.Muon, momentum=self.momentum, ns_steps=self.iterations, adjust_lr_fn="match_rms_adamw"
        )
        pairs: list[tuple[Any, list[Tensor]]] = [(muon, matrices), (torch.optim.AdamW, others)]
        return [method(group, **settings) for method, group in pairs if group]


def parameters(theta: Tensor, shapes: Mapping[str, Size]) -> dict[str, Tensor]:
    """Views of theta (p,) by name, with views of its gradient for theirs: what is done to them is done to theta."""
    sizes = [shape.numel() for shape in shapes.values()]
    views = {}
    gradient = torch.zeros_like(theta) if theta.grad is None else theta.grad
    for (name, shape), values, slopes in zip(shapes.items(), theta.split(sizes), gradient.split(sizes), strict=True):
        views[name] = values.view(shape)
        views[name].grad = slopes.view(shape)
    return views


def tree(value: Any) -> Any:
    """A torch state dict as dicts and lists of tensors, numbers and strings; raises UserError for anything else."""
    if isinstance(value, Tensor):
        return value.detach().contiguous()  # as a file gives it back: rounding depends on the layout
    if isinstance(value, Mapping):
        return {key: tree(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [tree(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UserError(f"a checkpoint cannot hold {value!r}, which the optimizer or its schedule keeps; choose another")


def _by_name(schedule: Schedule | Mapping[str, Schedule] | None) -> dict[str, Schedule]:
    schedules = {} if schedule is None else dict(schedule) if isinstance(schedule, Mapping) else {"schedule": schedule}
    for name, make in schedules.items():
        require(
            callable(make),
            f"optimizer.schedule must make a scheduler from an optimizer, got {name}: {make!r}; "
            "on the command line try optimizer/schedule=cosine",
        )
    return schedules


def _require_not_negative(name: str, value: float) -> None:
    require(0 <= value < float("inf"), f"optimizer.{name} must be finite and >= 0, got {value}")
