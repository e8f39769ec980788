"""What spectral functions miss, by more of them: it is finer than they are, and no random features explain it.

The linearized problem on more functions of the same kind, as errors of finite elements are told by elements of higher
order (Ainsworth & Oden 1997, doi:10.1016/S0045-7825(96)01107-3). It is settled where a few more functions find as much:
on Burgers' windows corrections on 1.25 and 2.5 times as many differ by a tenth in size, where 0.9 and 0.1 to 0.4 of the
residual are left.
"""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Generator, Tensor

from pinn.basis.errors import require
from pinn.diagnosis.steps import Correction, Step, Trial, divided, with_correction
from pinn.linear_algebra.truncated import Triangle
from pinn.networks.corrected import CorrectedNetwork
from pinn.networks.spectral import Spectral
from pinn.optimizers.linear import CUTOFF
from pinn.residuals.least_squares import linearized
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import ChebyshevSampler, through_time
from pinn.training.nodes import suited
from pinn.trial.function import TrialFunction

FEWER, MORE = (1.0, 1), (1.2, 2)  # functions along a coordinate over those of the fit: a factor, and so many at least
MOST = 4000  # of all fields together: more take long
ROWS, EDGES = 2.0, 6  # points a function where there is no grid; interior points for each one on a side
PLACES, TIMES = 2**12, 2**4  # points where corrections are compared, and times at which they are
UNSETTLED = 2.0  # what counts as left of the residual, over the share of the correction by the last functions

Growth = tuple[float, int]


def is_refinable(window: TrialFunction) -> bool:
    """Whether a function is a sum of spectral functions, not so many that more of them would take too long."""
    core = _finest(window)
    return core is not None and window.parts is None and len(core.last.weight) * math.prod(_grown(core, MORE)) <= MOST


def refined(residuals: Residuals, generator: Generator, growth: Growth = MORE) -> Step:
    """The correction of a function that `is_refinable`, by more functions.

    left: not of the residual, most of which may be too fine to matter, but twice the share of the correction's size
    that came with the last functions, those beyond `FEWER`; 0 of no more than these, which nothing judges.
    Raises UserError where the residual is not finite.
    """
    trial = residuals.trial
    before = _finest(trial)
    assert before is not None
    finer = _more(before, growth)
    corrected, own = with_correction(trial, finer)
    last = f"{own}.last.weight"
    start, shapes, held = divided(corrected, [last, *(f"unknowns.{name}" for name in trial.problem.unknowns)])
    many = math.ceil(ROWS * finer.width)
    sampler = suited(ChebyshevSampler(interior=many, boundary=many // EDGES), trial.with_core(finer))
    r, j = linearized(residuals.of(corrected), residuals.draw(sampler, generator), start, held)
    require(bool(r.isfinite().all()), "the residual is not finite")
    whole = _solved(j, r)
    step = Step(corrected, held, shapes, start, 0.0, whole.to(start), whole.to(start), ())
    if growth == FEWER:
        return step
    first = _is_first(shapes, last, finer, _grown(before, FEWER))
    few = torch.zeros_like(whole)
    few[first] = _solved(j[:, first], r)
    smaller, size = (_size(one, _places(trial, generator)) for one in (replace(step, best=few.to(start)), step))
    return replace(step, left=UNSETTLED * abs(size - smaller) / size if size > 0 else 0.0)


def _solved(j: Tensor, r: Tensor) -> Tensor:
    return Triangle(j, r, CUTOFF, single=True).solution


def mean_squares(corrections: Iterable[Correction], generator: Generator) -> dict[str, float]:
    """Field -> the sum of the mean squares of what corrections add to it, each in its own domain."""
    told: dict[str, float] = {}
    for one in corrections:
        for name, change in one.change(_places(one.trial, generator)).items():
            told[name] = told.get(name, 0.0) + float(change.square().mean())
    return told


def _size(step: Step, places: Tensor) -> float:
    """What a step adds to the fields at places (n, d), relative to their sizes."""
    fields, added = step.at(places)
    sizes = {name: max(float(values.norm()), sys.float_info.min) for name, values in fields.items()}
    return math.hypot(*(float(change.norm()) / sizes[name] for name, change in added.items()))


def _places(trial: Trial, generator: Generator) -> Tensor:
    return through_time(trial, PLACES, TIMES, generator)


def _finest(trial: TrialFunction) -> Spectral | None:
    """The spectral functions that a function is the sum of, after corrections the last of these."""
    core = trial.network.core
    if isinstance(core, CorrectedNetwork):
        core = core.corrections[-1]
    return core if isinstance(core, Spectral) else None


def _grown(core: Spectral, growth: Growth) -> list[int]:
    """Numbers of functions along each coordinate, sixteen an octave, so that windows alike have the same nodes."""
    factor, least = growth
    return [_rounded(max(count + least, math.ceil(factor * count))) for count in core.counts]


def _rounded(count: int) -> int:
    step = 2 ** max(0, count.bit_length() - 5)
    return -(-count // step) * step


def _more(core: Spectral, growth: Growth) -> Spectral:
    """The same functions and more of them along each coordinate, whose sum is zero."""
    counts = _grown(core, growth)
    finer = Spectral(len(core.seen), len(core.last.weight), width=math.prod(counts))
    finer.see(core.seen)
    finer.share([float(count) for count in counts])
    for number, (center, steepness) in enumerate(core.bends.tolist()):
        finer.bend(number, center, steepness)
    return finer.to(core.last.weight)


def _is_first(shapes: Mapping[str, torch.Size], last: str, finer: Spectral, counts: Sequence[int]) -> Tensor:
    """Which of the parameters of these shapes (p,) are those of so many functions, or none of functions."""
    within = (finer.orders.detach() < torch.tensor(counts) - 0.5).all(1)  # (width,)
    parts = [within.expand(shape) if name == last else torch.ones(shape).bool() for name, shape in shapes.items()]
    return torch.cat([part.reshape(-1) for part in parts])
