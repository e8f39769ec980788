"""Columns of numbers from a text, whatever separates them, and from where a relative path starts: beside the page."""

import csv
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.basis.files import require_regular
from pinn.basis.logs import logger

SEPARATORS = (";\t,|", " ")  # those of the second where none of the first is in the header
MISSING = ("", "nan", "na", "n/a", "null", "none", "-")  # in small letters: no number was written
UNIT = re.compile(r"\s*[\[(].*[\])]\s*$")  # after a name: T [K], T (K)
BYTES = 2**30  # of a file of columns


def beside_page(path: str | Path) -> Path:
    """A path as it is meant where a user's page writes it: a relative one starts at the folder of that page.

    The page is the file of the innermost function that is called and not of this library, whose problems are pages,
    too; the working directory where there is none, as in a notebook.
    """
    frame = sys._getframe()
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    page = frame.f_globals.get("__file__")
    return (Path(page).parent if page else Path.cwd()) / path


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == "pinn" and not module.startswith("pinn.problems")


@dataclass(frozen=True)
class Columns:
    """Columns of numbers (n,) by name, NaN where none was written, with the lines of the file that they are from."""

    path: Path
    values: dict[str, NDArray[np.float64]]
    lines: NDArray[np.int64]

    def complete(self) -> "Columns":
        """The rows in which each column has a finite number; how many others there are goes to the log."""
        rows: NDArray[np.bool_] = np.all(np.isfinite(list(self.values.values())), axis=0)
        left = self.lines[~rows]
        if len(left):
            shown = ", ".join(map(str, left[:3])) + (", ..." if len(left) > 3 else "")
            told = "%s: %d of %d rows have a missing number and are left out (line%s %s)"
            logger.warning(told, self.path.name, len(left), len(rows), "s" * (len(left) > 1), shown)
        return Columns(self.path, {name: q[rows] for name, q in self.values.items()}, self.lines[rows])


def read_columns(path: Path) -> Columns:
    """As `parsed_columns`; a file is read once as long as it does not change."""
    return _kept(path, *_state(path))


def complete_columns(path: Path) -> Columns:
    """The complete rows of `read_columns`; what is left out is told once."""
    return _kept_complete(path, *_state(path))


def _state(path: Path) -> tuple[int, int]:
    require_regular(path, BYTES)
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=8)
def _kept(path: Path, changed: int, size: int) -> Columns:
    return parsed_columns(path)


@lru_cache(maxsize=8)
def _kept_complete(path: Path, changed: int, size: int) -> Columns:
    return _kept(path, changed, size).complete()


def parsed_columns(path: Path) -> Columns:
    """The columns of a text with a header: `x;t;T [K]`, a unit after a name being a label and no part of it.

    Separators are ; tab , | or spaces, decimals have a point, or a comma where no comma separates; lines that start
    with # are left out. Raises UserError that names line and column where a number is none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}; save it as text in UTF-8") from error
    numbered = [(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip() and line.lstrip()[0] != "#"]
    require(len(numbered) > 1, f"{path} has no rows; it needs a header such as x,t,u and a line a row")
    header = numbered[0][1]
    separator = _separator(header)
    names = [UNIT.sub("", name).strip() for name in _cells(header, separator)]
    told = f"{path}, line {numbered[0][0]}: {header!r} are numbers; the first line must name the columns, such as x,t,u"
    require(not all(_is_number(name, separator) for name in names), told)
    bad = [name for name in names if not name.isidentifier() or names.count(name) > 1]
    told = f"{path}, line {numbered[0][0]}: {''.join(bad[:1])!r} is no name of a column, or is there twice"
    require(not bad, f"{told}; the header is {header!r}")
    rows = np.empty((len(numbered) - 1, len(names)))
    for row, (line, written) in zip(rows, numbered[1:], strict=True):
        cells = _cells(written, separator)
        require(
            len(cells) == len(names), f"{path}, line {line}: {len(cells)} columns, where the header names {len(names)}"
        )
        row[:] = [_number(cell, separator, path, line, name) for cell, name in zip(cells, names, strict=True)]
    lines = np.array([line for line, _ in numbered[1:]])
    return Columns(path, dict(zip(names, rows.T, strict=True)), lines)


def _separator(header: str) -> str:
    for known in SEPARATORS:
        try:
            return csv.Sniffer().sniff(header, known).delimiter
        except csv.Error:
            continue
    return ","  # of a single column


def _cells(line: str, separator: str) -> Sequence[str]:
    spaces = separator == " "
    cells = next(csv.reader([line.strip() if spaces else line], delimiter=separator, skipinitialspace=True))
    return [cell.strip() for cell in cells]


def _is_number(cell: str, separator: str) -> bool:
    try:
        float(cell if separator == "," else cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _number(cell: str, separator: str, path: Path, line: int, name: str) -> float:
    if cell.lower() in MISSING:
        return float("nan")
    try:
        return float(cell if separator == "," else cell.replace(",", "."))
    except ValueError:
        raise UserError(
            f"{path}, line {line}, column {name}: {cell!r} is no number; leave it empty where there is none"
        ) from None
