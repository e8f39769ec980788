"""Training: steps of an optimizer on residuals at points that are redrawn on a schedule."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from pinn.callbacks import Callback, Record
from pinn.configurable import Configurable
from pinn.errors import UserError, require
from pinn.logs import logger
from pinn.optimizers import Optimizer
from pinn.residuals import Residuals
from pinn.sampling import PointSet, Sampler, UniformSampler


class Outcome(Enum):
    """How a run ended."""

    STEPS = "all steps done"
    TIME = "time limit reached"
    TOLERANCE = "tolerance reached"
    STALLED = "no step decreased the loss any more"
    DIVERGED = "the loss became NaN or infinite; the best parameters were kept"
    INTERRUPTED = "interrupted; the best parameters were kept"


class Training(Configurable):
    """When training stops and what is measured on the way.

    steps: number of steps; None takes the optimizer's own. time_limit: seconds, None for no limit. tolerance: stop at
    a held-out residual (weighted mean square on fresh points) below this, 0 never. check_every: steps between two
    measurements of held-out residual and error. held_out: number of fresh points a region. log_every: steps between
    two log lines. jacobian_chunk: points whose Jacobian rows are held at once, None for automatic.
    """

    def __init__(
        self,
        *,
        steps: int | None = None,
        time_limit: float | None = 75.0,
        tolerance: float = 0.0,
        check_every: int = 10,
        held_out: int = 2000,
        log_every: int = 50,
        jacobian_chunk: int | None = None,
    ) -> None:
        require(steps is None or steps >= 1, f"training.steps must be >= 1 or null, got {steps}")
        require(
            time_limit is None or 0 < time_limit < math.inf,
            f"training.time_limit must be positive and finite or null, got {time_limit}",
        )
        require(0 <= tolerance < math.inf, f"training.tolerance must be >= 0 and finite, got {tolerance}")
        for name, value in (("check_every", check_every), ("held_out", held_out), ("log_every", log_every)):
            require(value >= 1, f"training.{name} must be >= 1, got {value}")
        self.steps = steps
        self.time_limit = time_limit
        self.tolerance = tolerance
        self.check_every = check_every
        self.held_out = held_out
        self.log_every = log_every
        self.jacobian_chunk = jacobian_chunk


@dataclass
class Best:
    """The parameters with the smallest held-out residual so far."""

    theta: Tensor
    held_out: float = math.inf


class Trainer:
    """Runs an optimizer on the residuals of a trial function and leaves the best parameters in it.

    Points are redrawn every `sampler.redraw_every` steps. Held-out points are drawn once, uniformly and apart from the
    training's, so that the held-out residual can be compared from step to step.
    """

    def __init__(
        self,
        residuals: Residuals,
        optimizer: Optimizer,
        sampler: Sampler,
        training: Training,
        *,
        seed: int = 0,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.residuals = residuals
        self.optimizer = optimizer
        self.sampler = sampler
        self.training = training
        self.callbacks = callbacks
        self.steps = training.steps or optimizer.default_steps
        self.generator = torch.Generator().manual_seed(seed)
        held_out = UniformSampler(interior=training.held_out, boundary=training.held_out, concentration=0)
        self.held_out_points = self._draw(held_out, torch.Generator().manual_seed(seed + 2**20))
        self.truth = self._truth_at_held_out()
        self.theta = residuals.theta()
        self.state = optimizer.init(self.theta)
        self.points: PointSet = {}
        self.best = Best(self.theta)
        self.step = 0

    def run(self) -> Outcome:
        """Train to the first stopping rule; the trial function then holds the best parameters."""
        started = time.perf_counter()
        for callback in self.callbacks:
            callback.on_start(self)
        outcome = Outcome.INTERRUPTED
        try:
            outcome = self._steps(started)
        except KeyboardInterrupt:
            logger.warning("interrupted at step %d: saving what there is", self.step)
        finally:
            self._keep_best()
            for callback in self.callbacks:
                callback.on_end(outcome)
        return outcome

    def _steps(self, started: float) -> Outcome:
        rejected = 0
        while self.step < self.steps:
            self._redraw_if_due()
            theta, state, report = self.optimizer.step(self.theta, self.state, self.residuals.at(self.points))
            loss = float(report["loss"])
            if not math.isfinite(loss) or not bool(theta.isfinite().all()):
                self._explain_first_step(loss)
                return Outcome.DIVERGED
            self.theta, self.state, self.step = theta, state, self.step + 1
            seconds = time.perf_counter() - started
            self._record({"step": self.step, "seconds": seconds, **report})
            rejected = 0 if report.get("accepted", True) else rejected + 1
            if rejected > 2 * max(self.sampler.redraw_every, 3):
                return Outcome.STALLED
            if self.best.held_out < self.training.tolerance:
                return Outcome.TOLERANCE
            if self.training.time_limit is not None and seconds >= self.training.time_limit:
                return Outcome.TIME
        return Outcome.STEPS

    def _record(self, record: Record) -> None:
        if self.step % self.training.check_every == 0 or self.step in (1, self.steps):
            record |= self._measure(self.theta)
        for callback in self.callbacks:
            callback.on_step(record)

    def _measure(self, theta: Tensor) -> Record:
        """Losses by block at the training points, held-out residuals by block, error by field; keeps the best."""
        weights = self.residuals.weights
        training = self.residuals.mean_squares(theta, self.points)
        held_out = self.residuals.mean_squares(theta, self.held_out_points)
        total = sum(weights[block] * value for block, value in held_out.items())
        if total < self.best.held_out:
            self.best = Best(theta.clone(), total)
        found: Record = {f"loss/{block}": weights[block] * value for block, value in training.items()}
        found |= {f"held_out/{block}": weights[block] * value for block, value in held_out.items()}
        return found | {"held_out": total} | self._errors(theta)

    def _errors(self, theta: Tensor) -> Record:
        if not self.truth:
            return {}
        x, parameters = self.held_out_points["interior"].x, self.residuals.unflatten(theta)
        with torch.no_grad():
            fields = self.residuals.trial.evaluate(list(self.truth), x, parameters)
        free = self.residuals.trial.problem.defined_up_to_constant
        return {f"error/{u}": relative_l2(fields[u], true, u in free) for u, true in self.truth.items()}

    def _truth_at_held_out(self) -> dict[str, Tensor]:
        if "interior" not in self.held_out_points:
            return {}
        x = self.held_out_points["interior"].x
        truth = self.residuals.trial.problem.truth(x.double().cpu().numpy()) or {}
        return {name: torch.as_tensor(values).to(x) for name, values in truth.items()}

    def _redraw_if_due(self) -> None:
        every = self.sampler.redraw_every
        if not self.points or (every and self.step % every == 0):
            self.points = self._draw(self.sampler, self.generator)

    def _draw(self, sampler: Sampler, generator: torch.Generator) -> PointSet:
        trial = self.residuals.trial
        found = {}
        for label, group in self.residuals.regions.items():
            magnitude = self._magnitude if sampler.concentration and not group.region.sides and self._moving else None
            points = sampler.draw(trial.problem.domain, group.region, generator, magnitude)
            found[label] = points.to(trial.dtype, trial.device)
        return found

    @property
    def _moving(self) -> bool:
        """Whether any step has been taken: the first points are drawn without looking at the residual."""
        return getattr(self, "step", 0) > 0

    def _magnitude(self, x: Tensor) -> Tensor:
        """The weighted residual's magnitude at points x (n, d), over the interior blocks."""
        trial = self.residuals.trial
        values = self.residuals.pointwise(x.to(dtype=trial.dtype, device=trial.device), self.theta)
        squares = [self.residuals.weights[block] * value.square() for block, value in values.items()]
        return torch.stack(squares).sum(0).sqrt()

    def _keep_best(self) -> None:
        """Prefer the best measured parameters over the last ones, which a late bad step may have spoilt."""
        if self.points and bool(self.theta.isfinite().all()):
            self._measure(self.theta)
        self.theta = self.best.theta
        self.residuals.load(self.theta)

    def _explain_first_step(self, loss: float) -> None:
        """At the first step a loss that is not finite is the equation's fault: say where."""
        if self.step > 0 or math.isfinite(loss):
            return
        parameters = self.residuals.unflatten(self.theta)
        for label, group in self.residuals.regions.items():
            points = self.points[label]
            for block, values in zip(
                group.blocks, self.residuals.region_values(group, points, parameters), strict=True
            ):
                bad = ~values.detach().isfinite()
                if bool(bad.any()):
                    x = points.x[bad][0].tolist()
                    place = ", ".join(
                        f"{c} = {v:.4g}" for c, v in zip(self.residuals.trial.problem.coordinates, x, strict=True)
                    )
                    raise UserError(
                        f"the residual {block.equation.name} is {float(values.detach()[bad][0])} at the first step, "
                        f"at {place} ({int(bad.sum())} of {len(points)} points); check its formula there"
                    )


def relative_l2(found: Tensor, true: Tensor, up_to_constant: bool = False) -> float:
    """||found - true|| / ||true|| over the points; up_to_constant removes both means first."""
    if up_to_constant:
        found, true = found - found.mean(), true - true.mean()
    return float((found - true).norm() / true.norm())
