"""Pre-flight: what can be seen to be wrong with a problem before anything is trained."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import torch

from pinn.ansatz.corners import Disagreement, disagreements
from pinn.ansatz.from_conditions import DerivedAnsatz
from pinn.ansatz.prescriptions import prescriptions
from pinn.basis.errors import UserError
from pinn.diagnosis.counting import bare_sides, missing_conditions, unequal_numbers
from pinn.diagnosis.direction import against_time
from pinn.diagnosis.elsewhere import costs, leaving
from pinn.diagnosis.exact import unsatisfied
from pinn.diagnosis.ranges import uncovered
from pinn.diagnosis.solvability import is_homogeneous, trivial, unbalanced
from pinn.networks.spectral import Spectral
from pinn.residuals.exact_terms import exact_terms
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.given import DataRegion
from pinn.sampling.points import PointSet
from pinn.sampling.sequences import SobolSampler
from pinn.scaling.sizes import Sizes
from pinn.training.held_out import noisy_blocks, numbers
from pinn.trial.function import TrialFunction

INTERIOR, BOUNDARY = 128, 32  # points that are looked at in each region or on each side
ROUNDING = 1e-24  # of the largest: a term that vanishes
APART = 1e6  # ratio of two terms' mean squares at the start from which it is told
SHAKE = 0.1  # added to the parameters, as a standard deviation: terms are measured there, too


@dataclass(frozen=True)
class Finding:
    """One remark; `is_error` where the problem contradicts itself, `is_final` where that leaves it no solution."""

    text: str
    is_error: bool = False
    is_final: bool = False

    def __str__(self) -> str:
        return f"{'FAILED' if self.is_error else 'note'}: {self.text}"


@dataclass(frozen=True)
class Preflight:
    """What was found, the terms that hold exactly, and points of each region, by its label."""

    residuals: Residuals
    points: PointSet
    exact: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return not any(finding.is_error for finding in self.findings)

    @property
    def is_hopeless(self) -> bool:
        """Whether there is no solution to be found."""
        return any(finding.is_final for finding in self.findings)

    @property
    def terms(self) -> dict[str, list[str]]:
        """Region's label -> its terms."""
        regions = self.residuals.regions.items()
        return {label: list(dict.fromkeys(block.term for block in group.blocks)) for label, group in regions}

    @property
    def legend(self) -> dict[str, str]:
        """Region's label -> its terms in words."""
        return {label: ", ".join(map(self._told, terms)) for label, terms in self.terms.items()}

    def _told(self, term: str) -> str:
        return f"{term} (exact)" if term in self.exact else term

    def __str__(self) -> str:
        names = map(self._told, dict.fromkeys(chain.from_iterable(self.terms.values())))
        told = "nothing found" if not self.findings else f"{len(self.findings)} to look at"
        return "\n".join([f"pre-flight: {', '.join(names)}; {told}", *map(str, self.findings)])


def preflight(
    trial: TrialFunction, weights: Mapping[str, float] | None = None, seed: int = 0, sizes: Sizes | None = None
) -> Preflight:
    """Look at a problem with its network as it starts, in less than a second.

    Every condition selects points; initial and boundary data agree in corners and across periods; there are as many
    conditions as the equations' orders ask for, at the end of time from which the equations go on, and as many
    equations as fields; zero is not the solution; equations have the source that flows through the sides, where nothing
    else sees the fields' level; no term is a million times another at the start, unless its size was measured; the
    exact solution satisfies every term; which conditions stay soft with hard constraints, and why.
    weights: of the terms, as of `Residuals`. seed: of the points. sizes: by which it is solved.
    Raises UserError where a condition selects no points, a name means nothing, or a table or a place of
    a quantity leaves the domain.
    """
    with torch.random.fork_rng(devices=[]):  # training's random numbers are not to depend on this
        sizes = sizes or Sizes()
        residuals = Residuals(trial, weights=sizes.weights(weights))
        generator, sampler = torch.Generator().manual_seed(seed), SobolSampler(interior=INTERIOR, boundary=BOUNDARY)
        points = {label: own.thinned() for label, own in residuals.draw(sampler, generator).items()}
        for text in chain(uncovered(residuals, points), leaving(residuals, points)):
            raise UserError(text)
        exact = exact_terms(residuals, seed)
        findings = (
            *_disagreements(trial),
            *map(Finding, missing_conditions(residuals)),
            *map(Finding, bare_sides(residuals)),
            *(Finding(reason.text) for reason in against_time(trial, generator)),
            *_parts(trial),
            *map(Finding, unequal_numbers(residuals)),
            *map(Finding, trivial(trial, is_homogeneous(trial, generator))),
            *(Finding(text, is_error=True, is_final=True) for text in unbalanced(trial, generator)),
            *(_unequal(residuals, points, exact) if weights or not sizes.equations else ()),  # what is measured holds
            *(Finding(text, is_error=True) for text in unsatisfied(trial.problem, points)),
            *_soft(trial, exact),
            *_left_out(residuals),
            *map(Finding, costs(residuals)),
            *([Finding(f"sizes: {told}")] if (told := sizes.told(exact)) else []),
        )
    return Preflight(residuals, points, exact, findings)


def _disagreements(trial: TrialFunction) -> Iterator[Finding]:
    problem = trial.problem
    told = set()
    for disagreement in disagreements(problem, prescriptions(problem).kept):  # the largest first
        if disagreement.terms not in told:
            told.add(disagreement.terms)
            yield Finding(f"{disagreement}; {_what_to_expect(disagreement)}")


def _what_to_expect(disagreement: Disagreement) -> str:
    if disagreement.is_slight:
        return f"of its size that is {disagreement.share:.0e}, and both are held: expect no error below it"
    return "no smooth solution has both, expect errors there"


def _left_out(residuals: Residuals) -> Iterator[Finding]:
    """Observations that are not used, as there are many."""
    for group in residuals.regions.values():
        if isinstance(group.region, DataRegion) and group.region.given:
            name, used = group.blocks[0].term, len(group.region.x)
            yield Finding(
                f"{name}: {used:,} of the {group.region.given:,} observations are used; for all of them most=None"
            )


def _unequal(residuals: Residuals, points: PointSet, exact: tuple[str, ...]) -> Iterator[Finding]:
    """The largest and the smallest term of the loss at the start, where they are far apart.

    Without data whose noise is given: they are in its unit, and what is exact comes to weigh what it has to.
    """
    if isinstance(residuals.trial.network.core, Spectral):  # its highest orders, shaken as all are, tell of no size
        return
    theta, least_squares = residuals.theta(), bind(residuals, points)
    # balances fail where an equation has no derivatives, as by numpy
    start, _ = map(numbers, least_squares.balances(theta))
    # a fresh network may be odd, whose mean is zero by chance
    shaken = numbers(least_squares.mean_squares(theta + SHAKE * torch.randn(theta.shape).to(theta)))
    means = {name: max(mean, shaken[name]) for name, mean in start.items()}
    terms = {block.name: block.term for group in residuals.regions.values() for block in group.blocks}
    kept = set(residuals.trial.problem.all_terms()) - set(exact)  # interfaces have their natural sizes
    kept -= {terms[name] for name in (*residuals.priors, *noisy_blocks(residuals, points))}
    losses = {name: residuals.weights[name] * mean for name, mean in means.items() if terms[name] in kept}
    losses = {name: loss for name, loss in losses.items() if loss > ROUNDING * max(losses.values())}
    if not losses:
        return
    largest, smallest = max(losses, key=lambda name: losses[name]), min(losses, key=lambda name: losses[name])
    ratio = losses[largest] / losses[smallest]
    if ratio > APART:
        yield Finding(
            f"{largest} is {ratio:.1g} times {smallest} in the loss at the start: mind the units (sizes of the fields, "
            "scales= of the problem), or weights that are far apart"
        )


def _parts(trial: TrialFunction) -> Iterator[Finding]:
    """The parts in which the network has pieces, and what is continuous across their borders."""
    if trial.parts is not None and trial.interfaces is not None:
        continuous = ", ".join(trial.interfaces.equations())
        yield Finding(f"{trial.parts.reason}: {trial.parts.told}; continuous across: {continuous}")


def _soft(trial: TrialFunction, exact: tuple[str, ...]) -> Iterator[Finding]:
    """Conditions that are left to the loss although constraints are hard, where the ansatz is derived."""
    soft = trial.ansatz.soft if isinstance(trial.ansatz, DerivedAnsatz) else {}
    for term, reason in soft.items():
        if term not in exact:
            yield Finding(f"{term} stays soft: {reason}")
