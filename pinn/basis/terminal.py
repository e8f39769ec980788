"""How wide a terminal is, and tables that fit it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence

GAP = "  "


def terminal_width() -> int | None:
    """The terminal's columns, or those that the environment's COLUMNS says; None where the output is no terminal."""
    return shutil.get_terminal_size((0, 0)).columns or None


def table(columns: Mapping[str, Sequence[str]], heads: Mapping[str, str]) -> str:
    """Columns of text below their heads, each of which may have several lines; no line is wrapped."""
    tops = {name: heads[name].split("\n") for name in columns}
    height = max(map(len, tops.values()), default=0)
    filled = {name: [""] * (height - len(top)) + top for name, top in tops.items()}  # heads stand on the rule
    widths = {name: max(map(len, (*filled[name], *cells))) for name, cells in columns.items()}
    rows = list(zip(*columns.values(), strict=True))
    rule = ["─" * (sum(widths.values()) + len(GAP) * (len(widths) - 1))]
    lines = [*map(list, zip(*filled.values(), strict=True)), rule, *map(list, rows)]
    return "\n".join(joined(line, list(widths.values())) for line in lines)


def width_of(columns: Mapping[str, Sequence[str]], heads: Mapping[str, str]) -> int:
    """The columns of a terminal that such a table takes."""
    widths = (max(map(len, (*heads[name].split("\n"), *cells))) for name, cells in columns.items())
    return sum(widths) + len(GAP) * (len(columns) - 1)


def joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    """A line of a table."""
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip()


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most that width, but for longer words, which are not broken."""
    return textwrap.wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False) or [""]
