"""Samples of the unknowns from their posterior, which need not be normal: each with fields that are solved for it.

The logarithm of the density of the unknowns z (k,) is, up to a constant,

    -(1/2) min over the fields of |misfit / noise|^2 + |priors|^2 + the weighed squares of equations and conditions,

flat in each unknown's value between its bounds, or in the logarithm of one that is known to its order of magnitude;
where it has a prior, that is its density. Fields are eliminated as by variable projection (Golub & Pereyra 1973,
doi:10.1137/0710036), whose gradient by z is the partial one; z moves by Hamiltonian Monte Carlo. What equations and
conditions leave open of the fields is at its most probable for each z: a profile, exact where they leave nothing.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from pinn.basis.errors import require
from pinn.diagnosis.hamiltonian import Chain, Place, hamiltonian
from pinn.optimizers.base import Optimizer
from pinn.optimizers.gauss_newton import LevenbergMarquardt
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import CollocationLeastSquares
from pinn.residuals.residuals import Residuals, unflatten
from pinn.sampling.points import PointSet
from pinn.solution_file.sampled import SAMPLED_BY, WORTH, column_of, sampled_attributes
from pinn.training.held_out import noisy_blocks
from pinn.training.trainer import Trainer
from pinn.trial.function import TrialFunction

ENOUGH, STEPS = 0.02, 15  # what a step of the fields gains of the exponent, below which they are solved; steps at most
HEAVIER = 1e2  # times that equations and conditions are weighed
UNDAMPED = 1e-9  # nearly: fields come from a neighbor's
SHARE, LEAST = 0.2, 30  # of the draws, and how many at least, are for warming up
NOISE = "noise"  # begins the name of what data are divided by
OWN = "unknowns."  # begins the names of the unknowns among all parameters


@dataclass(frozen=True)
class Samples:
    """Draws of the unknowns, each (n,), in their units, and how they came about."""

    draws: Mapping[str, Tensor]
    chain: Chain

    @property
    def columns(self) -> dict[str, NDArray]:
        """For /diagnosis of the solution file."""
        return {column_of(name): draws.numpy() for name, draws in self.draws.items()}

    @property
    def attributes(self) -> dict[str, Any]:
        """As root attributes of the solution file."""
        count, worth = len(self.chain.draws), round(float(self.chain.effective.min()))
        own = sampled_attributes({name: draws.numpy() for name, draws in self.draws.items()})
        return own | {SAMPLED_BY: f"{count} samples, worth {worth} independent ones", WORTH: worth}


def samples_of(trial: TrialFunction, run: Trainer, covariance: Tensor, draws: int, seed: int) -> Samples:
    """So many samples of a run's unknowns. covariance (k, k): of what is trained for them, about.

    Raises UserError where there is a datum without a noise.
    """
    profile = Profile.of(run)
    names = list(trial.problem.unknowns)
    middle = torch.tensor([trial.trained_unknowns[name] for name in names], dtype=torch.float64)
    spread, info = torch.linalg.cholesky_ex(covariance)
    require(int(info) == 0, "the errors of the unknowns are not known well enough to begin from")

    def look(at: Tensor, before: Place) -> Place:
        z = dict(zip(names, (middle + spread @ at).unbind(), strict=True))
        fields, value, slope = profile.at(z, before.kept)
        along = torch.stack([slope[name] for name in names])
        for k, name in enumerate(names):
            volume, change = _volume(trial, name, z[name])
            value, along[k] = value - volume, along[k] - change
        return Place(at, value, spread.mT @ along, fields)

    nothing = torch.zeros(len(names), dtype=torch.float64)
    start = look(nothing, Place(nothing, 0.0, nothing, profile.fields))
    chain = hamiltonian(look, start, draws, max(LEAST, int(SHARE * draws)), Generator().manual_seed(seed + 2**23))
    trained = middle + chain.draws @ spread.mT
    curves = trial.curves
    return Samples({name: curves[name].value(trained[:, k]) for k, name in enumerate(names)}, chain)


def _volume(trial: TrialFunction, name: str, z: Tensor) -> tuple[float, float]:
    """log |ds/dz| and its derivative, where a density is told by s: the value, or the logarithm of one by ratios."""
    curve, known = trial.curves[name], getattr(trial.problem.unknowns[name], "prior", None)
    if curve.is_itself:
        return 0.0, 0.0
    at = z.detach().clone().requires_grad_()
    value = curve.value(at)
    scaled = value.log() if curve.log and known is None else value
    (slope,) = torch.autograd.grad(scaled, at, create_graph=True)
    size = slope.abs().log()
    change = torch.autograd.grad(size, at)[0] if size.requires_grad else torch.zeros_like(size)
    return float(size.detach()), float(change)


@dataclass
class Profile:
    """The least squares of the fields for given unknowns, in units of the noise.

    fields (q,): where they begin. held: parameters that are not trained.
    """

    residuals: Residuals
    points: PointSet
    assembly: Assembly
    fields: Tensor
    held: Mapping[str, Tensor]
    optimizer: Optimizer = field(default_factory=lambda: LevenbergMarquardt(damping=UNDAMPED, acceleration=True))

    @classmethod
    def of(cls, run: Trainer) -> "Profile":
        """After a run; raises UserError where there are data without a noise."""
        minimized = run.minimized()
        assert minimized is not None
        free, theta = minimized
        residuals = copy.copy(run.residuals)
        residuals.weights = _in_units_of_noise(residuals, run.points)
        parameters = residuals.trial.parameters() | unflatten(theta, free.shapes)
        own = [name for name in parameters if name in free.shapes and not name.startswith(OWN)]
        held = {name: v for name, v in parameters.items() if name not in own and not name.startswith(OWN)}
        fields = torch.cat([parameters[name].reshape(-1) for name in own])
        return cls(residuals, run.points, run.execution.assembly, fields, held)

    def at(self, unknowns: Mapping[str, Tensor], fields: Tensor) -> tuple[Tensor, float, dict[str, Tensor]]:
        """The fields (q,) for these unknowns, from others nearby; half the least sum of squares, and its gradient."""
        given = {OWN + name: z.to(fields) for name, z in unknowns.items()}
        of_fields = self._least_squares(given)
        for _ in range(STEPS):
            fields, _, report = self.optimizer.step(fields, self.optimizer.init(fields), of_fields)  # undamped again
            gained = float(report["loss"]) - float(of_fields.loss(fields))
            if not gained >= 2 * ENOUGH:
                break
        together = self._least_squares({})
        named = unflatten(fields, of_fields.shapes) | given
        value, slope = together.loss_and_gradient(torch.cat([named[name].reshape(-1) for name in together.shapes]))
        by_name = unflatten(0.5 * slope.double().cpu(), together.shapes)
        energy = 0.5 * float(value) if math.isfinite(gained) and gained < 2 * ENOUGH else math.inf
        return fields, energy, {name.removeprefix(OWN): part for name, part in by_name.items() if name in given}

    def _least_squares(self, given: Mapping[str, Tensor]) -> CollocationLeastSquares:
        return CollocationLeastSquares(self.residuals, self.points, self.assembly, held={**self.held, **given})


def _in_units_of_noise(residuals: Residuals, points: PointSet) -> dict[str, float]:
    """Weights with which data add up |misfit / noise|^2; priors beside them as they did, and what is exact by more.

    What it weighed in training hardly bends it at the answer; away from there the gain in the data's misfit is more.
    """
    noisy = noisy_blocks(residuals, points)
    of_data = {label for label, drawn in points.items() if any(name.startswith(NOISE) for name in drawn.columns)}
    without = [b.name for label in of_data for b in residuals.regions[label].blocks if b.name not in noisy]
    told = f"{', '.join(without) or 'the data'} must have a noise that is given, pinn.Data(..., noise=...)"
    require(bool(noisy) and not without, told)
    most = max(noisy.values())
    exact = {name: weight * HEAVIER for name, weight in residuals.weights.items() if name not in residuals.priors}
    return {name: float(noisy.get(name, most * exact.get(name, w))) for name, w in residuals.weights.items()}
