"""Where one more measurement tells most: experimental design with the covariance that noise leaves.

Of what noise leaves open, S S^T in the parameters, a measurement with the gradient g = S^T dq / dtheta and the noise s
takes S g (S g)^T / (s^2 + |g|^2). Chaloner & Verdinelli 1995, doi:10.1214/ss/1177009939, of the linearization.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor

from pinn.basis.errors import UserError, require
from pinn.problem import Problem
from pinn.residuals.residuals import unflatten
from pinn.sampling.sequences import SobolSampler, anywhere
from pinn.solution.places import near, points_of
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

DEVIATIONS = "deviations"  # of a file's /diagnosis: k independent standard deviations of p parameters, as (k * p,)
CANDIDATES, PLACES = 1000, 400  # places that are tried where none are named; where the error of a field is compared
CHUNK = 50  # deviations at once


@dataclass(frozen=True)
class Deviations:
    """A function with what noise leaves open of it. matrix (k, p): independent deviations of its parameters."""

    trial: TrialFunction
    matrix: Tensor

    @classmethod
    def of(cls, trial: TrialFunction | WindowedTrial, diagnosis: Mapping[str, NDArray]) -> "Deviations":
        """From a solution's diagnosis; raises UserError where there are none."""
        kept = diagnosis.get(DEVIATIONS)
        if kept is None or isinstance(trial, WindowedTrial):
            raise UserError(
                "what noise leaves open is not known: it takes data with their noise (pinn.Data(..., noise=...)), "
                "a run that is down to it, and output.estimate=true"
            )
        parameters = trial.parameters()
        p = sum(values.numel() for values in parameters.values())
        require(len(kept) % p == 0, f"{DEVIATIONS} are of another network: {len(kept)} numbers for {p} parameters")
        like = next(iter(parameters.values()))
        return cls(trial, torch.as_tensor(kept).to(like).reshape(-1, p))

    def changes(self, names: Sequence[str], x: Tensor) -> Tensor:
        """What each of the deviations changes of named quantities at points x (n, d): (k, m, n)."""
        parameters = self.trial.parameters()
        shapes = {name: values.shape for name, values in parameters.items()}
        start = torch.cat([values.reshape(-1) for values in parameters.values()])

        def values(theta: Tensor) -> Tensor:
            named = self.trial.evaluate(names, x, dict(unflatten(theta, shapes)))
            return torch.stack([named[name] for name in names])

        def along(direction: Tensor) -> Tensor:
            changed: Any = torch.func.jvp(values, (start,), (direction,))[1]
            return changed

        with torch.no_grad():
            changes: Any = torch.func.vmap(along, chunk_size=CHUNK)(self.matrix)
        return changes

    def of_unknown(self, name: str) -> Tensor:
        """What each of the deviations changes of an unknown (k,)."""
        sizes = {owner: values.numel() for owner, values in self.trial.parameters().items()}
        columns = dict(zip(sizes, self.matrix.split(list(sizes.values()), dim=1), strict=True))
        return self.trial.unknown_slopes[name] * columns[f"unknowns.{name}"][:, 0]


@dataclass(frozen=True)
class Measurement:
    """What a measurement of a quantity would tell, place by place.

    of: the unknowns or the field that are to be known better. places: coordinate -> n numbers. left: the share of their
    error bar that is left after one measurement there (n,). noise: its standard deviation.
    """

    quantity: str
    of: tuple[str, ...]
    places: dict[str, NDArray]
    left: NDArray
    noise: float

    @property
    def best(self) -> dict[str, float]:
        """The place that tells most, by coordinate."""
        at = int(self.left.argmin())
        return {name: float(values[at]) for name, values in self.places.items()}

    def __repr__(self) -> str:
        at = ", ".join(f"{name} = {value:.3g}" for name, value in self.best.items())
        return f"<{self.quantity} at {at} leaves {self.left.min():.1%} of the error bar of {', '.join(self.of)}>"


def next_measurement(
    trial: TrialFunction | WindowedTrial,
    diagnosis: Mapping[str, NDArray],
    quantity: str,
    of: str | None = None,
    candidates: Mapping[str, ArrayLike] | None = None,
    noise: float | None = None,
) -> Measurement:
    """What one more measurement tells; as of `Solution.next_measurement`."""
    deviations = Deviations.of(trial, diagnosis)
    problem, first = trial.problem, trial.windows[0]
    first.request((quantity,))
    noise = _noise(problem, quantity) if noise is None else noise
    require(0 < noise < float("inf"), f"noise of a measurement must be > 0 and finite, got {noise}")
    generator = Generator().manual_seed(0)
    if candidates is None:
        x = anywhere(first, CANDIDATES, generator, SobolSampler)
    else:
        points, _ = points_of(problem, candidates)
        points = points[near(problem.domain, points)]
        require(len(points) > 0, "no candidate lies in the domain")
        x = torch.as_tensor(points).to(deviations.matrix)
    names, targets = _targets(deviations, of, generator)  # (k, t)
    seen = deviations.changes((quantity,), x)[:, 0]  # (k, n)
    gained = (targets.mT @ seen).square() / (noise**2 + seen.square().sum(0))  # (t, n)
    left = (1.0 - gained.sum(0) / targets.square().sum()).clamp_min(0.0).sqrt()
    places = dict(zip(problem.coordinates, x.double().cpu().numpy().T, strict=True))
    return Measurement(quantity, names, places, left.double().cpu().numpy(), float(noise))


def _targets(deviations: Deviations, of: str | None, generator: Generator) -> tuple[tuple[str, ...], Tensor]:
    """What is to be known better, and its deviations (k, t), unknowns each over its own error."""
    problem = deviations.trial.problem
    fields, unknowns = problem.vocabulary.fields, tuple(problem.unknowns)
    if of is None and unknowns:
        each = [deviations.of_unknown(name) for name in unknowns]
        return unknowns, torch.stack([one / one.norm() for one in each], 1)
    of = fields[0] if of is None else of
    known = ", ".join((*unknowns, *fields))
    require(of in (*unknowns, *fields), f"of must be an unknown or a field, {known}, got {of!r}")
    if of in unknowns:
        return (of,), deviations.of_unknown(of)[:, None]
    x = anywhere(deviations.trial, PLACES, generator)
    changes = deviations.changes((of,), x)[:, 0]
    free = of in problem.defined_up_to_constant
    return (of,), changes - changes.mean(1, keepdim=True) * free


def _noise(problem: Problem, quantity: str) -> float:
    """The noise of the data of a quantity that there are; raises UserError where there are none."""
    for term in problem.all_terms().values():
        given: Mapping[str, Tensor] = getattr(term.region(problem.domain), "values", {})
        if f"noise of {quantity}" in given:
            return float(given[f"noise of {quantity}"].square().mean().sqrt())
    raise UserError(f"{quantity} has not been observed: say how well it can be, noise=")
