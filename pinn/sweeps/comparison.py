"""A few runs side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from pinn.report.style import add_legend, curve_styles, style, write
from pinn.report.training import draw_metric, title
from pinn.solution.solution import Solution
from pinn.solution_file.measured import Measure
from pinn.solution_file.reading import PathLike, locate, read
from pinn.sweeps.table import Row, filled


def compared(solutions: Mapping[str, Solution]) -> list[Row]:
    """A row a run: errors of its fields and its difference to the first, all on the first one's nodes.

    Raises:
        UserError: they do not have the same coordinates, or no field in common.
    """
    first = next(iter(solutions.values()))
    rows: list[Row] = []
    for name, solution in solutions.items():
        differences = first.compare(solution)  # first, because it says why two do not compare
        row: Row = {"run": name}
        on_common = Solution(solution.trial, nodes=first.nodes)
        row |= {f"error of {field}": error["relative_l2"] for field, error in on_common.errors().items()}
        if solution is not first:
            row |= {f"{field} to the first": error["relative_l2"] for field, error in differences.items()}
        row |= {name: solution.attributes.get(name) for name in ("seed", "wall_seconds")}
        rows.append(row | {"steps": len(solution.history.get("step", ()))})
    return filled(rows)


def draw_comparison(runs: Sequence[PathLike], figure: PathLike) -> Path:
    """Held-out residual and error of several runs against seconds, a color a run; returns the figure's path."""
    histories = [(Path(run).name, read(locate(run)).history) for run in runs]
    errors = dict.fromkeys(name for _, history in histories for name in filter(Measure.ERROR.measures, history))
    metrics = [Measure.HELD_OUT.total, *errors]
    drawn = Figure(figsize=(3.6 * len(metrics), 3.0), layout="constrained")
    for axes, metric in zip(drawn.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        for look, (name, history) in zip(curve_styles(), histories, strict=False):
            draw_metric(axes, history, "seconds", metric, look, label=name)
        style(axes, "time (s)", title(metric))
        axes.set_yscale("log")
        add_legend(axes, 2.8)
    return write(drawn, figure)
