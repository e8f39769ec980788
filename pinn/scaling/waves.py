"""What single waves in the fields make of a problem's residuals: how large each block is for fields of given sizes."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pinn.derivatives.jets import Values, linear
from pinn.networks.embedding import Embedding
from pinn.problem import Problem
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import Points, PointSet
from pinn.sampling.sequences import SobolSampler
from pinn.trial.function import FieldNetwork, TrialFunction, trained_for

INTERIOR, BOUNDARY = 128, 32  # points in a region, on a side
STEP = 1e-3  # of a coordinate's length: of the differences by which a source's waves are seen
JUMPS = 0.05  # share of the differences, the largest, that count as jumps of a source and not as its waves
AXES = 8  # coordinates, at most, along which waves go alone: of many, some stand for the others, time among them
SHORTEST = 50.0  # wave number that is looked at, in radians a unit of [-1, 1]

Rows = dict[str, Tensor]


class Wave(nn.Module):
    """Fields  center + amplitude sin(W x + b)  of scaled coordinates: (n, d) -> (n, m)."""

    def __init__(self, coordinates: int, fields: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(fields, coordinates))
        self.bias = nn.Parameter(torch.zeros(fields))
        self.center = nn.Parameter(torch.zeros(fields))
        self.amplitude = nn.Parameter(torch.zeros(fields))

    def forward(self, x: Values) -> Values:
        return linear(x, self.weight, self.bias).sin() * self.amplitude + self.center


@dataclass(frozen=True)
class Probe:
    """A problem's residuals as they are for waves in its fields, no condition of which holds by construction.

    Raises UserError where a term cannot be evaluated, as training would.
    """

    residuals: Residuals
    points: PointSet
    generator: torch.Generator

    @classmethod
    def of(cls, problem: Problem, derivatives: str, seed: int) -> "Probe":
        d, fields = len(problem.coordinates), problem.vocabulary.fields
        embedding = Embedding(list(problem.domain.bounds.values()))
        network = FieldNetwork(embedding, Wave(d, len(fields)), nn.Identity(), trained_for(problem)).double()
        residuals = Residuals(TrialFunction(problem, network, None, derivatives=derivatives))
        generator = torch.Generator().manual_seed(seed + 2**24)
        points = residuals.draw(SobolSampler(interior=INTERIOR, boundary=BOUNDARY), generator)
        return cls(residuals, {label: own.thinned() for label, own in points.items()}, generator)

    @property
    def fields(self) -> tuple[str, ...]:
        return self.residuals.trial.problem.vocabulary.fields

    def constant(self, center: Tensor, points: PointSet | None = None) -> Rows:
        """Each block's residual (n,) for fields that are constant (m,)."""
        return self._rows({"core.center": center}, points or self.points)

    def response(self, center: Tensor, amplitude: Tensor, waves: Tensor) -> dict[str, float]:
        """What waves of these numbers (d,) add to each block: its root mean square, the largest of several directions.

        The waves go along each coordinate alone, of many along some, and along all: terms that cancel for one of them
        do not for others.
        """
        still = self.constant(center)
        return self._largest(center, amplitude, waves, lambda wave: still)

    def slopes(self, name: str, center: Tensor, amplitude: Tensor, waves: Tensor) -> dict[str, float]:
        """How much each block changes with what is trained for an unknown, for the same waves in the fields."""
        parameter = f"unknowns.{name}"
        at = self.residuals.trial.parameters()[parameter]
        step = STEP * max(float(at.abs()), abs(float(self.residuals.trial.problem.unknowns[name]))) or 1.0

        def moved(wave: Mapping[str, Tensor]) -> Rows:
            return self._rows({**wave, parameter: at + step}, self.points)

        return {block: change / step for block, change in self._largest(center, amplitude, waves, moved).items()}

    def _largest(
        self,
        center: Tensor,
        amplitude: Tensor,
        waves: Tensor,
        others: Callable[[Mapping[str, Tensor]], Rows],
    ) -> dict[str, float]:
        """How far each block is from another one for waves in the fields: as of `response`."""
        largest: dict[str, float] = {}
        for draws in self._directions(waves, len(center)):
            squares: dict[str, float] = {}
            for weight, bias in draws:
                wave = {"weight": weight, "bias": bias, "center": center, "amplitude": amplitude}
                named = {f"core.{name}": values for name, values in wave.items()}
                rows = self._rows(named, self.points)
                other = others(named)
                for block, values in rows.items():
                    squares[block] = squares.get(block, 0.0) + mean_square(values - other[block]) / len(draws)
            largest = {block: max(largest.get(block, 0.0), math.sqrt(mean)) for block, mean in squares.items()}
        return largest

    def source_waves(self, center: Tensor) -> dict[str, Tensor]:
        """Block of the interior -> the wave numbers (d,) of what constant fields leave of it, by differences."""
        domain = self.residuals.trial.domain
        inside = {label: p for label, p in self.points.items() if self.residuals.regions[label].region.is_interior}
        still = self.constant(center, inside)
        numbers = {block: torch.zeros(len(domain.coordinates), dtype=torch.float64) for block in still}
        for i, (lower, upper) in enumerate(domain.bounds.values()):
            step = STEP * (upper - lower)
            moved = {label: _moved(points, i, step, (lower + upper) / 2) for label, points in inside.items()}
            for block, rows in self.constant(center, moved).items():
                size = mean_square(still[block])
                change = mean_square(_without_jumps(rows - still[block]))
                if size > 0:
                    numbers[block][i] = min(math.sqrt(change / size) / (2.0 * STEP), SHORTEST)
        return numbers

    def _rows(self, moved: Mapping[str, Tensor], points: PointSet) -> Rows:
        residuals = self.residuals
        rows: Rows = {}
        parameters = residuals.trial.parameters() | dict(moved)
        with torch.no_grad():
            for label, own in points.items():
                group = residuals.regions[label]
                values = residuals.region_values(group, own, parameters)
                rows |= {block.name: value for block, value in zip(group.blocks, values, strict=True)}
        return rows

    def _directions(self, waves: Tensor, fields: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
        """Weights (m, d) and phases (m,) of some waves for each direction: pairs a quarter of a wave apart."""
        d = len(waves)
        some = dict.fromkeys(round(k * (d - 1) / (AXES - 1)) for k in range(AXES)) if d > AXES else range(d)
        for axis in [*some, *([None] if d > 1 else [])]:
            signs = 2.0 * torch.randint(2, (fields, d), generator=self.generator).to(waves) - 1.0
            numbers = waves if axis is None else waves * torch.eye(d).to(waves)[axis]
            phase = 2.0 * math.pi * torch.rand(fields, generator=self.generator, dtype=torch.float64)
            yield [(signs * numbers, phase), (signs * numbers, phase + math.pi / 2)]


def _without_jumps(differences: Tensor) -> Tensor:
    """Differences (n,) but the largest."""
    kept = max(1, len(differences) - math.ceil(JUMPS * len(differences)))
    return differences[differences.abs().argsort()[:kept]]


def _moved(points: Points, i: int, step: float, middle: float) -> Points:
    """The points moved along a coordinate, towards the middle of the domain."""
    x = points.x.clone()
    x[:, i] += torch.where(x[:, i] > middle, -step, step)
    return replace(points, x=x)


def mean_square(values: Tensor) -> float:
    """Of those that are finite; zero where none is."""
    finite = values[values.isfinite()].double()
    return float(finite.square().mean()) if len(finite) else 0.0
