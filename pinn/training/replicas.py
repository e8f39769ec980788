"""Many seeds in one training: which replica is the best, and what all of them found."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinn.replicas import Replicas
from pinn.sampling.points import PointSet
from pinn.training.callbacks.base import Record
from pinn.training.held_out import HeldOut, relative_l2
from pinn.training.settings import Stage, Stages


class ReplicaHeldOut:
    """Measures replicas at fresh points: records are those of the replica with the smallest held-out residual."""

    def __init__(self, replicas: Replicas, n: int, seed: int) -> None:
        self.replicas = replicas
        self.fresh = HeldOut(replicas.residuals, n, seed)
        self.points = self.fresh.points
        replicas.choose = lambda thetas: int(self.totals(self._weighted(thetas, self.points)).argmin())

    def _weighted(self, thetas: Tensor, points: PointSet) -> dict[str, Tensor]:
        weights = self.replicas.weights
        return {name: weights[name] * v for name, v in self.replicas.each_mean_squares(thetas, points).items()}

    @staticmethod
    def totals(squares: dict[str, Tensor]) -> Tensor:
        """The weighted mean square of each replica (R,), infinite where it is no number."""
        total = torch.stack(list(squares.values())).sum(0)
        return torch.where(total.isfinite(), total, torch.full_like(total, torch.inf))

    def measure(self, theta: Tensor, training_points: PointSet) -> Record:
        """As of `HeldOut`, of the best replica; `replica` is its number."""
        thetas = self.replicas.each(theta)
        training, held_out = (self._weighted(thetas, points) for points in (training_points, self.points))
        total = self.totals(held_out)
        best = int(total.argmin())
        record: Record = {f"loss/{name}": float(values[best]) for name, values in training.items()}
        record |= {f"held_out/{name}": float(values[best]) for name, values in held_out.items()}
        record |= {"held_out": float(total[best]), "replica": best}
        return record | {f"error/{field}": error for field, error in self.fresh.errors(thetas[best]).items()}

    def errors(self, thetas: Tensor) -> dict[str, Tensor]:
        """The relative L2 error of each field for each replica (R,), where the truth is known."""
        if not self.fresh.truth:
            return {}
        free = self.replicas.trial.problem.defined_up_to_constant
        with torch.no_grad():
            found = self.replicas.fields(list(self.fresh.truth), self.points["interior"].x, thetas)
        return {
            name: truth.new_tensor([relative_l2(values, truth, name in free) for values in found[name]])
            for name, truth in self.fresh.truth.items()
        }

    def columns(self, theta: Tensor, seed: int) -> dict[str, NDArray]:
        """A number of each replica (R,): its seed, held-out residual and errors; the best one's are the run's."""
        thetas = self.replicas.each(theta)
        found = {"held_out": self.totals(self._weighted(thetas, self.points))}
        found |= {f"error_{name}": values for name, values in self.errors(thetas).items()}
        seeds = {"seed": seed + np.arange(self.replicas.count)}
        return seeds | {name: values.cpu().numpy() for name, values in found.items()}

    def moments(self, theta: Tensor) -> Callable[[Tensor], dict[str, Tensor]]:
        """Points (n, d) to `u_mean` and `u_spread` of each field u: mean and standard deviation over the replicas."""
        thetas, names = self.replicas.each(theta), self.replicas.trial.problem.vocabulary.fields

        def at(x: Tensor) -> dict[str, Tensor]:
            found = self.replicas.fields(names, x, thetas)
            means = {f"{name}_mean": values.mean(0) for name, values in found.items()}
            return means | {f"{name}_spread": values.std(0) for name, values in found.items()}

        return at


def replicated(stages: tuple[Stage, ...]) -> Stages:
    """The stages with their optimizers' forms for replicas; raises UserError where one has none."""
    return Stages(
        [
            Stage(
                stage.optimizer.replicated(),
                steps=stage.steps,
                time_limit=stage.time_limit,
                tolerance=stage.tolerance,
                redraw_every=stage.redraw_every,
            )
            for stage in stages
        ]
    )
