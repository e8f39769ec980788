"""What all figures have in common: sizes, colors, axes, headline, and how they are saved."""

from __future__ import annotations

import io
import itertools
import textwrap
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pinn.basis.disk import replacing
from pinn.basis.errors import require
from pinn.solution_file.contents import Contents
from pinn.solution_file.measured import known_errors
from pinn.solution_file.reading import PathLike

DPI = 200
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, made for color-blind readers."""

SMALL, NORMAL, LARGE = 8, 9, 10
"""Font sizes (points)."""


def colors() -> Iterator[str]:
    """The palette, over and over."""
    return itertools.cycle(COLORS)


def style(axes: Axes, xlabel: str = "", ylabel: str = "") -> None:
    """Small ticks, a faint grid and no box; labels where they are given."""
    axes.tick_params(labelsize=SMALL, which="both")
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    if xlabel:
        axes.set_xlabel(xlabel, fontsize=NORMAL, parse_math=False)
    if ylabel:
        axes.set_ylabel(ylabel, fontsize=NORMAL, parse_math=False)


def add_legend(axes: Axes) -> None:
    """A legend, where there is anything to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=SMALL, framealpha=0.8, edgecolor="none")


def headline(contents: Contents) -> str:
    """The problem's title, its errors, and how long the run took."""
    attributes = contents.attributes
    title = balanced(" ".join(str(attributes["title"]).split()), 90)
    known = known_errors(attributes, contents.fields)
    errors = [f"{name} {relative:.1e}" for name, (relative, _) in known.items()]
    parts = [f"relative L2 error: {', '.join(errors)}"] if errors else []
    parts += [f"computed in {attributes['wall_seconds']:.0f} s"] if "wall_seconds" in attributes else []
    return "\n".join([title, balanced("; ".join(parts), 90)]).strip()


def balanced(text: str, width: int) -> str:
    """The text in as many lines as `width` needs, all of them about as long: no single word on the last one."""
    wrap = partial(textwrap.wrap, text, break_on_hyphens=False, break_long_words=False)
    lines = len(wrap(width))
    return "\n".join(wrap(next(w for w in range(1, width + 1) if len(wrap(w)) <= lines)))


def save(drawn: Figure, contents: Contents, path: PathLike) -> Path:
    """Add the headline and write the figure."""
    drawn.suptitle(headline(contents), fontsize=LARGE, parse_math=False)
    return write(drawn, path)


def write(drawn: Figure, path: PathLike) -> Path:
    """Write the figure, whole or not at all; its folder is made. Raises UserError where it cannot be written."""
    path, kinds = Path(path), FigureCanvasAgg.get_supported_filetypes()
    kind = path.suffix.removeprefix(".")
    require(kind in kinds, f"cannot draw {path}: its suffix must be one of {', '.join(sorted(kinds))}; try .png")
    with replacing(path) as temporary:
        temporary.write_bytes(image(drawn, kind))
    return path


def image(drawn: Figure, kind: str = "png") -> bytes:
    """The content of a file with the figure, of the kind that a suffix names."""
    content = io.BytesIO()
    FigureCanvasAgg(drawn).print_figure(content, format=kind, dpi=DPI)
    return content.getvalue()
