"""The sizes of fields and equations, measured on the problem as it stands: from its data, then by balance.

A field's values on sides, at the start and at places of data give its level and range. What they leave open comes from
the equations and conditions: a field is as large as makes its terms balance the largest of the others, sources first,
then what is known already. A block is as large as such fields make it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.problem import Problem
from pinn.residuals.blocks import Block
from pinn.scaling.fitting import fitted_range
from pinn.scaling.sizes import EQUATION, FIELD, Sizes, check_choice, is_far, rounded
from pinn.scaling.waves import Probe, mean_square
from pinn.terms.curves import curve_of
from pinn.terms.data import Data, Observation

LOWEST, UNIT = math.pi / 2, 1.0  # waves: half of one across the domain, and a radian a unit of [-1, 1]
AFFINE = 1e-6  # relative departure from a straight line of what is linear
DIRECT = 0.3  # share of a block's answer that constant fields make where it prescribes a value
LARGER = 10.0  # balance over half the range of the data beyond which it is the size
LEAST = 0.03  # of a field's presumed size that a coarse solution may leave it
BALANCED = 0.1  # share of the largest part of a block from which another balances it
NEWTON_STEPS = 3  # towards a size at which something balances
NOTHING = 1e-12  # of the answer to fields of size one: no source


def measure_sizes(problem: Problem, scaling: str = "auto", derivatives: str = "taylor", seed: int = 0) -> Sizes:
    """The sizes of a problem's fields and equations in some tenths of a second; powers of ten, 1 where near one.

    scaling: `none` leaves the problem's own `scales` alone; these override what is measured in any case. Where an
    equation fails for the fields that are tried, which need not be like its solution, a line in the log says so.
    Raises UserError where the problem is incomplete, or a name in a term means nothing.
    """
    check_choice(scaling)
    problem.check_complete()
    if scaling == "none":
        return Sizes()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return _Measurement(problem, Probe.of(problem, derivatives, seed)).sizes()
        except UserError:
            raise
        except Exception as error:
            logger.warning("sizes are not measured: %s: %s", type(error).__name__, error)
            return Sizes()


class _Measurement:
    """center, half: of each field's values (m,); half is nan where it is not known yet."""

    def __init__(self, problem: Problem, probe: Probe) -> None:
        self.problem = problem
        self.probe = probe
        self.m, self.d = len(probe.fields), len(problem.coordinates)
        self.center = torch.zeros(self.m, dtype=torch.float64)
        self.half = torch.full((self.m,), math.nan, dtype=torch.float64)
        self.lowest = torch.full((self.d,), LOWEST, dtype=torch.float64)
        self.known: dict[tuple[float, ...], dict[str, float]] = {}
        regions = probe.residuals.regions.values()
        self.blocks = probe.residuals.blocks
        self.conditions = [b.name for g in regions if not g.region.is_interior for b in g.blocks]
        self.noisy = {b.name for label, g in probe.residuals.regions.items() for b in g.blocks if self._noise(label, b)}

    def sizes(self) -> Sizes:
        self._from_data()
        self._from_balance()
        given = {name: float(scale) for name, scale in self.problem.scales.items()}
        if self._is_far():
            self._from_fit()
        elif not self._identified:
            return Sizes({name: (0.0, size) for name, size in given.items()})
        half = {name: given.get(name, size) for name, size in zip(self.probe.fields, self.half.tolist(), strict=True)}
        answers = self._of_blocks(torch.tensor(list(half.values()), dtype=torch.float64))
        center = dict(zip(half, self.center.tolist(), strict=True))
        unknowns = {name: (0.0, size) for name, size in self._of_unknowns(answers).items()}
        if not self._is_far():
            return Sizes({name: (0.0, size) for name, size in given.items()} | unknowns)
        fields = {name: (0.0, given[name]) if name in given else (center[name], rounded(half[name])) for name in half}
        equations = {name: rounded(size) for name, size in (answers | self._of_smoothness(half)).items()}
        return Sizes(
            {name: pair for name, pair in fields.items() if pair != (0.0, 1.0)} | unknowns,
            {name: size for name, size in equations.items() if size != 1.0},
            {block: self.probe.residuals.weights[block] for block in self._decided},
        )

    def _of_blocks(self, half: Tensor) -> dict[str, float]:
        answers = self.probe.response(self.center, half, self.lowest * UNIT / LOWEST)
        return {name: size for name, size in answers.items() if name not in self.noisy}

    @property
    def _decided(self) -> list[str]:
        """The blocks whose weight the data decide."""
        return [block for blocks in self.probe.residuals.by_evidence.values() for block in blocks]

    def _of_smoothness(self, half: Mapping[str, float]) -> dict[str, float]:
        """Of the derivatives of fields that are known to be smooth: a prior has the size of its field at first."""
        amplitudes = torch.tensor(list(half.values()), dtype=torch.float64)
        answers = self.probe.response(self.center, amplitudes, self.lowest * UNIT / LOWEST)
        return {block: answers[block] for block in self._decided}

    def _of_unknowns(self, answers: dict[str, float]) -> dict[str, float]:
        """By how much unknowns change a block as its size does, where that is far from one."""
        found = {}
        for name in self._identified:
            slopes = self.probe.slopes(name, self.center, self.half, self.lowest * UNIT / LOWEST)
            most = max((slopes[b] / size for b, size in answers.items() if size > 0), default=0.0)
            if most > 0 and is_far(1.0 / most, FIELD):
                found[name] = rounded(1.0 / most)
        return found

    @property
    def _identified(self) -> list[str]:
        """The unknowns that data tell, in whose unit they are trained; eigenvalues are found by another way."""
        if not any(isinstance(term, (Data, Observation)) for term in self.problem.all_terms().values()):
            return []
        return [name for name, guess in self.problem.unknowns.items() if curve_of(guess).has_unit]

    def _is_far(self) -> bool:
        """Whether any size is far from one, or a level far from zero by its field's size."""
        shifted = bool((self.center.abs() > FIELD * self.half).any())
        far = any(is_far(size, FIELD) for size in self.half.tolist())
        return shifted or far or any(is_far(size, EQUATION) for size in self._of_blocks(self.half).values())

    def _from_fit(self) -> None:
        """Levels and ranges of a coarse solution, where there is one: twice, for the first has presumed sizes.

        A field that vanishes there keeps a part of what it was presumed to be.
        """
        least = LEAST * self.half
        asked = {block: {k for k in range(self.m) if self._answers(k, 1.0)[block] > 0} for block in self.blocks}
        for _ in range(2):
            found = fitted_range(self.probe, self.center, self.half, self._of_blocks(self.half), asked)
            if found is None:
                return
            low, high = found
            for k in range(self.m):
                half = max(float(high[k] - low[k]) / 2, float(least[k]))
                if AFFINE * abs(float(high[k] + low[k])) < half < math.inf:
                    self.half[k], self.center[k] = half, _coarse(float(high[k] + low[k]) / 2, half)

    def _from_data(self) -> None:
        """Levels and ranges from conditions on values; of a field that another one's values fix, from those."""
        valued: set[int] = set()
        while True:
            found: dict[int, list[Tensor]] = {}
            for k in range(self.m):
                if k not in valued:
                    found[k] = list(self._values(k, valued))
            found = {k: values for k, values in found.items() if values}
            if not found:
                return
            for k, values in found.items():
                together = torch.cat(values)
                low, high = float(together.min()), float(together.max())
                half = (high - low) / 2
                self.center[k] = _coarse((low + high) / 2, half)
                if half > AFFINE * abs(high + low):
                    self.half[k] = half
                valued.add(k)

    def _values(self, k: int, valued: set[int]) -> Iterator[Tensor]:
        """The values that conditions ask of field k, the others at their levels."""
        unit = torch.eye(self.m, dtype=torch.float64)[k]
        rest = self.center * (1 - unit)
        size = max(1.0, float(self.center.abs().max()))
        zero, one, two = (self.probe.constant(rest + n * size * unit) for n in range(3))
        waves: dict[str, float] = {}
        for block in self.conditions:
            slope, bend = one[block] - zero[block], two[block] - 2 * one[block] + zero[block]
            answer = math.sqrt(mean_square(slope))
            straight = math.sqrt(mean_square(bend)) <= AFFINE * answer
            if not (answer > 0 and straight):
                continue
            waves = waves or self.probe.response(rest, size * unit, self.lowest)
            if answer >= DIRECT * waves[block] and self._others(block, k) <= valued:
                value = -size * zero[block] / slope
                yield from [value[value.isfinite()]] if bool(value.isfinite().any()) else []

    def _others(self, block: str, k: int) -> set[int]:
        """The other fields on which a block depends."""
        return {j for j in range(self.m) if j != k and self._answers(j, 1.0)[block] > 0}

    def _answers(self, k: int, size: float, waves: Tensor | None = None) -> dict[str, float]:
        """What a wave of field k makes of each block, the fields at their levels."""
        numbers = self.lowest if waves is None else waves
        key = (k, size, *numbers.tolist(), *self.center.tolist())
        if key not in self.known:
            amplitude = size * torch.eye(self.m, dtype=torch.float64)[k]
            self.known[key] = self.probe.response(self.center, amplitude, numbers)
        return self.known[key]

    def _from_balance(self) -> None:
        still = self.probe.constant(self.center)
        sources = {block: math.sqrt(mean_square(rows)) for block, rows in still.items()}
        waves = self.probe.source_waves(self.center)
        waves = {block: torch.maximum(numbers, self.lowest) for block, numbers in waves.items()}
        guessed = self._guessed()
        known = {block: size for block, size in sources.items() if block not in guessed}
        driven = {
            k: max(self._by_sources(k, sources if bool(self.half[k].isnan()) else known, waves), default=0.0)
            for k in range(self.m)
        }
        for k, size in driven.items():
            if size > 0 and not size <= LARGER * self.half[k]:
                self.half[k] = size
        for _ in range(self.m):
            found = {k: self._by_others(k, sources) for k in range(self.m) if bool(self.half[k].isnan())}
            for k, size in found.items():
                if size > 0:
                    self.half[k] = size
        for k in range(self.m):
            if bool(self.half[k].isnan()):
                self.half[k] = abs(float(self.center[k])) or 1.0

    def _guessed(self) -> set[str]:
        """The blocks whose sources depend on unknowns, of which there are guesses only."""
        still = torch.zeros(self.m, dtype=torch.float64)
        slopes = [self.probe.slopes(name, self.center, still, self.lowest) for name in self._identified]
        return {block for each in slopes for block, slope in each.items() if slope > 0}

    def _by_sources(self, k: int, sources: dict[str, float], waves: dict[str, Tensor]) -> Iterator[float]:
        """The sizes of field k at which its terms balance a block's source."""
        for block, source in sources.items():
            own = self._answers(k, 1.0, waves.get(block))[block]
            known = [self._answers(j, float(self.half[j]))[block] for j in self._known() if j != k]
            if source > NOTHING * own > 0 and max(known, default=0.0) < BALANCED * source:
                yield self._balancing(k, block, source, waves.get(block))

    def _by_others(self, k: int, sources: dict[str, float]) -> float:
        """The largest size of field k at which its terms balance those of the fields that are known."""
        own = self._answers(k, 1.0)
        known = [self._answers(j, float(self.half[j])) for j in self._known()]
        sizes = [0.0]
        for block, answer in own.items():
            others = sorted([sources[block], *(each[block] for each in known)])
            balanced = len(others) > 1 and others[-2] >= BALANCED * others[-1]
            if others[-1] > NOTHING * answer > 0 and not balanced:
                sizes.append(self._balancing(k, block, others[-1], None))
        return max(sizes)

    def _known(self) -> Sequence[int]:
        return [j for j in range(self.m) if not bool(self.half[j].isnan())]

    def _balancing(self, k: int, block: str, target: float, waves: Tensor | None) -> float:
        """The size of field k at which it makes so much of a block: Newton's method on logarithms, for powers exact."""
        size = 1.0
        for _ in range(NEWTON_STEPS):
            answer, more = (self._answers(k, factor * size, waves)[block] for factor in (1.0, 2.0))
            power = math.log2(more / answer) if 0 < answer < more else 1.0
            size *= (target / answer) ** (1.0 / power) if answer > 0 else 1.0
            if abs(power - 1.0) < AFFINE:
                break
        return size

    def _noise(self, label: str, block: Block) -> bool:
        """Whether it is data whose noise is given: that is their size; or a prior, which has its own, too."""
        if block.name in self.probe.residuals.priors:
            return True
        columns = self.probe.points[label].columns
        given = [columns[name] for name in block.equation.arguments if name.startswith("noise") and name in columns]
        return any(bool((noise != 1.0).any()) for noise in given)


def _coarse(center: float, half: float) -> float:
    """A level in steps of half a field's size, exact where it has none."""
    return center if half <= AFFINE * abs(center) else half * round(2 * center / half) / 2
