"""What all figures have in common: sizes, colors, axes, headline, and how they are saved."""

from __future__ import annotations

import io
import itertools
import json
import textwrap
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

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

DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D")
"""What tells those apart that share a color, where there are more than the palette has."""

SMALL, NORMAL, LARGE = 8, 9, 10
"""Font sizes (points)."""

PANELS = "panels"
"""A PNG's text that holds `side_by_side` as JSON."""

NARROW = 0.6
"""Of a figure's width, that a panel has at most where others stand beside it."""

STRIP = 0.1
"""Of two extents in space, the ratio below which a picture is not drawn to scale."""

ENTRY, LETTER = 0.5, 0.065
"""Inches in a legend: of an entry's line and spaces, and of a letter."""


Look = Mapping[str, Any]
"""Matplotlib's keywords for how a curve or a set of points looks."""


def curve_styles() -> Iterator[Look]:
    """Color and dashes of one curve after the other: the palette over and over, each time with other dashes."""
    return (
        {"color": color, "linestyle": dashes} for dashes, color in itertools.cycle(itertools.product(DASHES, COLORS))
    )


def marker_styles() -> Iterator[Look]:
    """Color and marker of one set of points after the other, as `curve_styles`."""
    looks = itertools.product(MARKERS, COLORS)
    return itertools.cycle({"color": color, "marker": marker} for marker, color in looks)


def style(axes: Axes, xlabel: str = "", ylabel: str = "") -> None:
    """Small ticks, a faint grid and no box; labels where they are given."""
    axes.tick_params(labelsize=SMALL, which="both")
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    if xlabel:
        axes.set_xlabel(xlabel, fontsize=NORMAL, parse_math=False)
    if ylabel:
        axes.set_ylabel(ylabel, fontsize=NORMAL, parse_math=False)


def add_legend(axes: Axes, width: float = 5.5) -> int:
    """A legend above the curves, which it would hide among them; none where there is nothing to name.

    width: that of the axes, about (inches). Returns its number of lines.
    """
    labels = axes.get_legend_handles_labels()[1]
    columns = max(1, int(width / (ENTRY + LETTER * max(map(len, labels), default=0))))
    if labels:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=columns,
            fontsize=SMALL,
            frameon=False,
            borderaxespad=0.2,
            handlelength=2.5,  # of dashes there have to be two
            columnspacing=1.0,
        )
    return -(-len(labels) // columns)


def headline(contents: Contents) -> str:
    """The problem's name, its errors, and how long the run took."""
    attributes = contents.attributes
    known = known_errors(attributes, contents.fields)
    errors = [f"{name} {relative:.1e}" for name, (relative, _) in known.items()]
    parts = [f"relative L2 error: {', '.join(errors)}"] if errors else []
    parts += [f"computed in {attributes['wall_seconds']:.0f} s"] if "wall_seconds" in attributes else []
    return "\n".join([str(attributes["problem"]), balanced("; ".join(parts), 90)]).strip()


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
    """The content of a file with the figure, of the kind that a suffix names; a PNG says where its panels are."""
    content = io.BytesIO()
    canvas, layout = FigureCanvasAgg(drawn), drawn.get_layout_engine()
    if layout is not None:
        layout.execute(drawn)  # once more: axes of a fixed shape move their labels, which it sees the next time only
    told = {PANELS: json.dumps(side_by_side(drawn))} if kind == "png" else None
    canvas.print_figure(content, format=kind, dpi=DPI, metadata=told)
    return content.getvalue()


def side_by_side(drawn: Figure) -> list[list[float]]:
    """Left, top, right and bottom of each panel and legend, as shares of a figure with panels side by side; else none.

    A narrow screen shows them one below the other.
    """
    whole = drawn.bbox
    boxes = [artist.get_tightbbox() for artist in (*drawn.axes, *drawn.legends)]
    found = [box for box in boxes if box is not None and box.width > 0]
    if all(box.width > NARROW * whole.width for box in found):
        return []
    shares = [
        (box.x0 / whole.width, 1 - box.y1 / whole.height, box.x1 / whole.width, 1 - box.y0 / whole.height)
        for box in found
    ]
    return [[round(min(max(share, 0.0), 1.0), 4) for share in box] for box in shares]
