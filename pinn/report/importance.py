"""Which options decide the results of a search."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from pinn.report.style import COLORS, DPI, NORMAL, PathLike, style
from pinn.solution_file.layout import replacing


def draw_importance(shares: Mapping[str, Mapping[str, float]], figure: PathLike) -> Path:
    """Draw objective -> option -> share of importance as bars, a panel an objective; returns the figure's path."""
    longest = max(len(options) for options in shares.values())
    drawn = Figure(figsize=(4.2 * len(shares), 1.0 + 0.3 * longest), layout="constrained")
    for axes, (objective, options) in zip(
        drawn.subplots(1, len(shares), squeeze=False)[0], shares.items(), strict=True
    ):
        names = sorted(options, key=lambda name: options[name])
        axes.barh(names, [options[name] for name in names], color=COLORS[0], height=0.6)
        style(axes, "share of importance")
        axes.set_title(objective.replace("_", "-"), fontsize=NORMAL, loc="left")
        axes.set_xlim(0, 1)
    path = Path(figure)
    with replacing(path) as temporary:
        drawn.savefig(temporary, format=path.suffix.removeprefix(".") or "png", dpi=DPI)
    return path
