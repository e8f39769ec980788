"""How well the data determine unknowns: standard errors and correlations, and what they leave open.

At the end of a training delta = -(J^T J)^-1 J_d^T dr for a change dr of the rows of data: the answer follows the noise,
and equations and conditions, which have none, hold it back as much as their weights say. With J = [A, B], B the columns
of the unknowns, and the network's A eliminated, B - A (A^+ B) = Q T: the unknowns' covariance is that of
T^-1 T^-T (B - A A^+ B)_d^T dr. Where equations weigh far more than data it is the (T^T T)^-1 of least squares with
constraints; else it is still that of what was computed. The sandwich: Huber 1967; Seber & Wild 1989, section 2.1.2.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.diagnosis.verdict import Determined, Reason, Word
from pinn.linear_algebra.elimination import Eliminated, eliminate
from pinn.residuals.blocks import weights_of
from pinn.residuals.protocol import Collocation
from pinn.residuals.residuals import Residuals, owners
from pinn.solution_file.identified import CORRELATIONS, IDENTIFIED_BY, TWO_SIDED
from pinn.solution_file.measured import Measure
from pinn.training.held_out import noisy_blocks
from pinn.training.trainer import Trainer
from pinn.trial.function import TrialFunction

WIDEST, MOST, WORK = 3000, 2**17, 2e11  # parameters, rows, and rows times parameters squared, that take seconds
RIDGE = 1e-16  # on what is eliminated: the damping of a run that has not settled would hide what it leaves open
HEAVIER = 1e2  # times that equations are weighed, to see how far data bend them
NOISE = "noise"  # begins the name of what data are divided by


@dataclass(frozen=True)
class Identification:
    """Unknowns with the covariance (k, k) of what is trained for them.

    values, slopes: of the unknowns, and by what they change with that. sizes: the larger of value and first guess.
    least: what a standard error is at least, in the unknown's unit. limits: 95 % intervals. way: what errors are by.
    """

    values: Mapping[str, float]
    slopes: Mapping[str, float]
    sizes: Mapping[str, float]
    covariance: Tensor
    least: Mapping[str, float]
    limits: Mapping[str, tuple[float, float]]
    way: str

    @property
    def errors(self) -> dict[str, float]:
        """Unknown -> its standard error, in its unit."""
        each = zip(self.values, self.covariance.diagonal().sqrt().tolist(), strict=True)
        return {name: max(abs(self.slopes[name]) * e, self.least.get(name, 0.0)) for name, e in each}

    @property
    def correlations(self) -> Tensor:
        """(k, k)."""
        signs = torch.tensor([math.copysign(1.0, slope) for slope in self.slopes.values()], dtype=torch.float64)
        sizes = self.covariance.diagonal().sqrt()
        return self.covariance / (sizes[:, None] * sizes) * signs[:, None] * signs

    @property
    def attributes(self) -> dict[str, object]:
        """As root attributes of the solution file."""
        told: dict[str, object] = dict(Measure.STANDARD_ERROR.entries(self.errors))
        told |= Measure.LOWER.entries({name: ends[0] for name, ends in self.limits.items()})
        told |= Measure.UPPER.entries({name: ends[1] for name, ends in self.limits.items()})
        return told | {IDENTIFIED_BY: self.way, CORRELATIONS: self.correlations.flatten().tolist()}

    @property
    def determined(self) -> tuple[Determined, ...]:
        """Each for itself, for the verdict."""
        return tuple(Determined(n, self.values[n], e, self.sizes[n], self.way) for n, e in self.errors.items())

    @property
    def open(self) -> tuple[Reason, ...]:
        """Combinations that the data do not determine: which unknowns can change, and how, unseen."""
        names = list(self.values)
        share = torch.tensor([abs(self.slopes[n]) / self.sizes[n] for n in names], dtype=torch.float64)
        deviations = self.covariance.diagonal().sqrt() * share
        relative = self.correlations * deviations.outer(deviations)
        found, directions = torch.linalg.eigh(relative)
        reasons = []
        for value, direction in zip(found.tolist(), directions.mT, strict=True):
            moved = [(n, float(v / direction.abs().max())) for n, v in zip(names, direction, strict=True)]
            moved = [(name, by) for name, by in moved if abs(by) > 0.05]
            if value > 1.0 and len(moved) > 1:
                up = math.copysign(1.0, moved[0][1])
                told = " with ".join(f"{10 * up * by:+.2g} % of {name}" for name, by in moved)
                others = " and ".join(name for name, _ in moved)
                reason = f"{others} are not determined one by one: {told} changes nothing that the data see"
                action = f"data that tell {others} apart, or a prior=pinn.Normal(mean, sd) of {moved[0][0]}"
                reasons.append(Reason(reason, Word.ILL_POSED, action))
        return tuple(reasons)


def identification(trial: TrialFunction, run: Trainer, numerical: Mapping[str, float]) -> Identification | None:
    """How well a run's unknowns are known; None where no data determine them.

    trial: the answer, which may have been corrected since. numerical: the estimated error of each unknown, in its unit.
    Raises UserError where it cannot be had, and why.
    """
    minimized = run.minimized()
    names = list(trial.problem.unknowns)
    if minimized is None or not names:
        return None
    least_squares, theta = cast(Collocation, minimized[0]), minimized[1]
    observed = _Observed.of(run.residuals, least_squares)
    if not observed.blocks:
        return None
    parameters = owners(least_squares.shapes)
    p, n = len(parameters), least_squares.rows
    told = f"{p:,} parameters and {n:,} rows: too many to be eliminated"
    small = p <= WIDEST and n <= MOST and n * p**2 <= WORK
    require(small, f"{told}; try a smaller network or fewer points")
    last = [parameters.index(f"unknowns.{name}") for name in names]
    order = torch.tensor([at for at in range(p) if at not in last] + last, device=theta.device)
    rows = observed.taken(least_squares, theta, order)
    eliminated = eliminate(rows.pieces(), p - len(names), len(names), RIDGE)
    noise, way = observed.noise(rows, eliminated)
    inverse = eliminated.inverse
    influence = inverse @ inverse.mT @ eliminated.left(rows.j).mT * noise  # (k, n): by each row's noise of size one
    ahead = -inverse @ eliminated.right  # what is left to be trained
    covariance = (influence @ influence.mT + ahead.outer(ahead)).double().cpu()
    if not observed.given:  # whose misfit may be that of equations that weigh too little
        rows = observed.taken(least_squares, theta, order, HEAVIER)
        held = eliminate(rows.pieces(), p - len(names), len(names), RIDGE)
        bent = (held.inverse @ held.right).double().cpu()
        covariance = covariance + bent.outer(bent)
    unsettled = bool((ahead.square() > influence.square().sum(1)).any())
    way += "; not settled: a step more would change them by more" if unsettled else ""
    return _identification(trial, covariance, numerical, way)


def _identification(
    trial: TrialFunction, covariance: Tensor, numerical: Mapping[str, float], way: str
) -> Identification:
    values, slopes, guesses = trial.unknowns, trial.unknown_slopes, trial.problem.unknowns
    sizes = {name: max(abs(value), abs(float(guesses[name]))) or 1.0 for name, value in values.items()}
    limits, larger = {}, []
    for name, deviation in zip(values, covariance.diagonal().sqrt().tolist(), strict=True):
        if numerical.get(name, 0.0) > abs(slopes[name]) * deviation:
            larger.append(name)
            deviation = numerical[name] / (abs(slopes[name]) or 1.0)
        limits[name] = trial.curves[name].between(trial.trained_unknowns[name], TWO_SIDED * deviation)
    way += f"; of {', '.join(larger)} by the estimated error of the solution, which is more" if larger else ""
    return Identification(values, slopes, sizes, covariance, numerical, limits, way)


@dataclass
class _Rows:
    """All rows, once: those of data are kept. r (n,), j (n, p), numbers (n,): of the data's, once all have passed.

    weight: on the squares of the others, beside their own.
    """

    least_squares: Collocation
    theta: Tensor
    order: Tensor
    is_data: Tensor
    weight: float

    def pieces(self) -> Iterator[tuple[Tensor, Tensor]]:
        kept = []
        for indices, r, j in self.least_squares.pieces(self.theta):
            ordered, data = j[:, self.order], self.is_data[indices]
            kept.append((indices[data], r[data].clone(), ordered[data]))
            factor = torch.where(data, 1.0, self.weight**0.5).to(r)
            yield factor * r, factor.unsqueeze(1) * ordered
        self.numbers, self.r, self.j = (torch.cat(parts) for parts in zip(*kept, strict=True))


@dataclass(frozen=True)
class _Observed:
    """The rows of data and priors. blocks: name -> rows. scale (N,): of rows, zero for others. given: with a noise."""

    blocks: Mapping[str, slice]
    scale: Tensor
    given: Sequence[str]

    @classmethod
    def of(cls, residuals: Residuals, least_squares: Collocation) -> "_Observed":
        blocks, scale = {}, torch.zeros(least_squares.rows, dtype=torch.float64)
        every = residuals.rows(least_squares.points)
        most = max(noisy_blocks(residuals, least_squares.points).values(), default=1)  # whose mean is in the loss
        for label, group in residuals.regions.items():
            points = least_squares.points[label]
            for block in group.blocks:
                rows = every[block.name]
                if block.name in residuals.priors and block.name not in residuals.known_before:
                    blocks[block.name] = rows
                    scale[rows] = most**-0.5  # its weight says what it is known to
                elif block.name in residuals.priors or any(a.startswith(NOISE) for a in points.columns):
                    blocks[block.name] = rows
                    scale[rows] = (weights_of(points) * (residuals.weights[block.name] / len(points))).sqrt().cpu()
        given = [*noisy_blocks(residuals, least_squares.points), *residuals.priors]
        return cls(blocks, scale, given)

    def taken(self, least_squares: Collocation, theta: Tensor, order: Tensor, weight: float = 1.0) -> _Rows:
        return _Rows(least_squares, theta, order, (self.scale > 0).to(theta.device), weight)

    def noise(self, rows: _Rows, eliminated: Eliminated) -> tuple[Tensor, str]:
        """The noise (n,) of each row of data, in the rows' unit, and how it is known."""
        scale, told = self.scale.to(rows.r)[rows.numbers], []
        noise = scale.clone()
        for name in (name for name in self.blocks if name not in self.given):
            own = (rows.numbers >= self.blocks[name].start) & (rows.numbers < self.blocks[name].stop)
            free = int(own.sum()) - float(eliminated.leverages(rows.j[own]).sum())
            require(free >= 1, f"{name} has no noise that is given, and the fit leaves no misfit that would show it")
            shown = float((rows.r[own] / scale[own]).square().sum() / free) ** 0.5
            noise[own] *= shown
            told.append(f"{shown:.3g} in {name}")
        known = "by the noise that is given" if self.given else ""
        return noise, " and ".join(
            filter(None, [known, f"by the noise that the misfit shows, {', '.join(told)}" if told else ""])
        )
