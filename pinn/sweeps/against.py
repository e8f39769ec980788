"""A solution against what was measured, or computed elsewhere, at places of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.basis.scattered import read_scattered
from pinn.report.panels import axis_label
from pinn.report.scales import deviation_scale
from pinn.report.style import COLORS, NORMAL, SMALL, add_legend, style, write
from pinn.solution.places import near
from pinn.solution.solution import Solution
from pinn.solution_file.contents import Contents
from pinn.sweeps.table import Row


@dataclass(frozen=True)
class Deviation:
    """A named quantity of a solution at places (n, d) of others: what they found (n,), and what it has there (n,)."""

    name: str
    places: NDArray[np.float64]
    found: NDArray[np.float64]
    own: NDArray[np.float64]

    @property
    def difference(self) -> NDArray[np.float64]:
        """What the solution has more (n,)."""
        return self.own - self.found

    def row(self, run: str) -> Row:
        """As a row of a table."""
        difference, size = np.linalg.norm(self.difference), np.linalg.norm(self.found)
        return {
            "run": run,
            "quantity": self.name,
            "places": len(self.found),
            "relative_l2": float(difference / size) if size else None,
            "root_mean_square": float(difference / len(self.found) ** 0.5),
            "largest": float(np.abs(self.difference).max()),
        }


def deviations(solution: Solution, path: Path, at: Mapping[str, float] | None = None) -> list[Deviation]:
    """A solution against the columns of a file, named as its coordinates and quantities; those of other names are told.

    at: coordinates without a column. Places outside the domain are left out, and that is told. A field that is defined
    up to a constant is compared without its mean. Raises UserError where coordinates are missing, or nothing is left.
    """
    problem, columns = solution.problem, read_scattered(path) | {k: np.asarray(v) for k, v in (at or {}).items()}
    listed = ", ".join(columns)
    missing = [name for name in problem.coordinates if name not in columns]
    told = f"{path} has no column {', '.join(missing)} (it has {listed}); or give --at"
    require(not missing, " ".join([told, *(f"{name}=..." for name in missing)]))
    others = [name for name in columns if name not in problem.coordinates]
    asked = [name for name in others if _is_known(solution, name)]
    require(bool(asked), f"{path} has no column of {', '.join(solution.fields)} or another quantity; it has {listed}")
    if len(asked) < len(others):
        logger.warning("%s: %s: no quantity of this problem", path.name, ", ".join(sorted(set(others) - set(asked))))
    n = max(columns[name].size for name in asked)
    places = np.stack([np.broadcast_to(columns[name], n) for name in problem.coordinates], 1)
    inside = near(problem.domain, places)
    require(bool(inside.any()), f"no place in {path} lies in the domain; are its coordinates in the problem's units?")
    if not inside.all():
        logger.warning("%s: %d of %d places lie outside the domain and are left out", path.name, (~inside).sum(), n)
    given = dict(zip(problem.coordinates, places[inside].T, strict=True))
    found = []
    for name in asked:
        own, other = solution.derivative(name, **given), columns[name][inside]
        finite = np.isfinite(other)
        own, other = own[finite], other[finite]
        if name in problem.defined_up_to_constant:
            own, other = own - own.mean(), other - other.mean()
        found.append(Deviation(name, places[inside][finite], other, own))
    return found


def _is_known(solution: Solution, name: str) -> bool:
    problem = solution.problem
    names = (*problem.vocabulary.fields, *problem.vocabulary.derived)
    return name in names or name.rpartition("_")[0] in names


def draw_deviations(found: Sequence[Deviation], contents: Contents, figure: Path) -> Path:
    """For each quantity the two against each other, and where they differ; returns the figure's path."""
    drawn = Figure(figsize=(7.2, 2.9 * len(found)), layout="constrained")
    for (left, right), one in zip(drawn.subplots(len(found), 2, squeeze=False), found, strict=True):
        left.plot(one.found, one.own, ".", color=COLORS[0], markersize=3)
        ends = np.array([min(one.found.min(), one.own.min()), max(one.found.max(), one.own.max())])
        left.plot(ends, ends, "k-", linewidth=0.6)
        style(left, f"{axis_label(one.name, contents)}, of the file", "solution")
        _draw_places(drawn, right, one, contents)
    return write(drawn, figure)


def _draw_places(drawn: Figure, axes: Axes, one: Deviation, contents: Contents) -> None:
    """Along one coordinate both, over two the difference."""
    varying = [k for k in range(len(contents.coordinates)) if np.ptp(one.places[:, k]) > 0] or [0]
    names = [contents.coordinates[k] for k in varying]
    if len(varying) == 1:
        order = np.argsort(one.places[:, varying[0]])
        x = one.places[order, varying[0]]
        axes.plot(x, one.found[order], ".", color=COLORS[1], markersize=4, label="file")
        axes.plot(x, one.own[order], color=COLORS[0], linewidth=1.2, label="solution")
        style(axes, axis_label(names[0], contents), axis_label(one.name, contents))
        add_legend(axes, 2.8)
        return
    scale = deviation_scale(one.difference)
    x, y = (one.places[:, k] for k in varying[:2])
    image = axes.scatter(x, y, c=one.difference, s=9, cmap=scale.colors, norm=scale.norm, linewidths=0)
    style(axes, *(axis_label(name, contents) for name in names[:2]))
    axes.set_title(f"solution less file, {one.name}", fontsize=NORMAL, parse_math=False)
    drawn.colorbar(image, ax=axes).ax.tick_params(labelsize=SMALL)
