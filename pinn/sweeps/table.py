"""Tables of finished runs: a row a run."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pinn.basis.disk import replacing
from pinn.basis.errors import require
from pinn.basis.files import printable
from pinn.basis.terminal import table, terminal_width, width_of
from pinn.report.record import Record, read_record
from pinn.solution_file.contents import FILE_NAME
from pinn.solution_file.identified import with_error
from pinn.solution_file.measured import Measure
from pinn.solution_file.new import new_file
from pinn.solution_file.reading import PathLike
from pinn.solution_file.soundness import understood

GIVEN_UP = (
    "seconds",
    "wall_seconds",
    "steps",
    "status",
    "seed",
    "done",
    "jobs",
    "residual",
    "estimated_error",
    "verdict",
)
"""Columns that a narrow terminal does without, the least important first."""

SPREADS = "spreads"
BESIDE = ("lower_bound", "held_out", SPREADS)
"""What stands in files alone, or beside another column's values; `held_out` compares only where weights are alike."""

ATTRIBUTES = ("problem", "status", "seed", "wall_seconds")
RANKED = ("error", "estimated_error", "residual")  # by the first that is known

NUMBERS = {Measure.UNKNOWN: Measure.STANDARD_ERROR, Measure.RESULT: Measure.RESULT_ERROR}
"""What runs tell in numbers of their own, what is identified and what is asked, with the error of each."""

Row = dict[str, Any]


def rows_below(folder: PathLike) -> list[Row]:
    """A row a finished run below the folder, the best first: by the true error, the estimated one, the residual.

    Raises:
        UserError: there is no such folder, or no solution file in it.
    """
    root = Path(folder)
    require(root.is_dir(), f"no such folder: {root}")
    rows = [summary(path, root) for path in sorted(root.rglob(FILE_NAME))]
    require(bool(rows), f"no {FILE_NAME} below {root}; is it a folder of finished runs, such as runs/?")
    return sorted(rows, key=rank)


def rank(row: Row) -> list[tuple[bool, float]]:
    """By which rows are sorted, the best first: what is known before what is not."""
    return [(row[name] is None, row[name] or 0.0) for name in RANKED]


def summary(path: Path, root: Path) -> Row:
    """A run's numbers: verdict, its worst field's error, true and estimated, residual, time, steps, and where it is.

    lower_bound: whether the estimate is one. residual: root of the sum of the terms' mean squares on fresh points,
    unweighted. held_out: the loss on these, which is the sum of the weighted ones.
    """
    record = read_record(path)
    with understood(path):
        return _row(record, path, root)


def _row(record: Record, path: Path, root: Path) -> Row:
    accuracy, estimate = record.accuracy, record.accuracy.estimate
    errors = Measure.RELATIVE_L2.within(record.attributes)
    row: Row = {"run": str(path.parent.relative_to(root))}
    row |= {name: record.attributes.get(name) for name in ATTRIBUTES}
    row |= {"verdict": accuracy.verdict.word.value, "error": max(errors.values(), default=None)}
    row |= {"estimated_error": estimate.worst[1] if estimate else None}
    row |= {"lower_bound": not estimate.is_resolved if estimate else None}
    row |= {"residual": accuracy.residual, "held_out": record.kept.get(Measure.HELD_OUT.total)}
    row |= {"steps": len(record.history.get("step", ()))}
    return row | Measure.RELATIVE_L2.entries(errors) | numbers_of(record.attributes)


def numbers_of(row: Mapping[str, Any]) -> Row:
    """What was identified and what was asked of the solution, with their errors, of all entries."""
    own = (*NUMBERS, *NUMBERS.values())
    return {key: value for key, value in row.items() if any(measure.measures(key) for measure in own)}


def told_name(column: str) -> str:
    """What a column is called for people: a number of a run's own by its name alone."""
    return next((kind.name_in(column) for kind in NUMBERS if kind.measures(column)), column)


def table_text(rows: Sequence[Row], width: int | None = None) -> str:
    """The rows as a table for a terminal of that width, by default the one that there is; no line is wrapped.

    Columns that do not fit are left out, the least important first, and named below. Without those that have no value,
    and fields' errors but the largest.
    """
    width = width or terminal_width()
    names = [name for name in columns_of(rows) if any(row.get(name) is not None for row in rows)]
    beside = (Measure.RELATIVE_L2, *NUMBERS.values())
    names = [name for name in names if name not in BESIDE and not any(m.measures(name) for m in beside)]
    columns = {name: [printable(cell(row, name)).replace("\n", " ") for row in rows] for name in names}
    heads = {name: printable(head(name)) for name in names}
    given_up = [name for name in GIVEN_UP if name in columns]
    left_out = []
    while width and given_up and width_of(columns, heads) > width:
        left_out.append(given_up.pop(0))
        del columns[left_out[-1]]
    told = [", ".join(name for name in names if name in left_out)] if left_out else []
    return "\n".join([table(columns, heads), *(f"not shown in {width} columns: {name}" for name in told)]) + "\n"


def head(name: str) -> str:
    """The head of a column, in lines of a word."""
    told = told_name(name)
    return told if told != name else name.replace("_", "\n")


def columns_of(rows: Sequence[Row]) -> list[str]:
    """The names of all columns in the order in which they come up."""
    return list(dict.fromkeys(name for row in rows for name in row))


def filled(rows: Sequence[Row]) -> list[Row]:
    """The rows with all columns, None where one has no value."""
    names = columns_of(rows)
    return [{name: row.get(name) for name in names} for row in rows]


def cell(row: Row, name: str) -> str:
    """A value as it stands in a table."""
    value = row.get(name)
    if name == "estimated_error" and value is not None:
        deviation = (row.get(SPREADS) or {}).get(name)
        told = f"> {value:.1e}" if row["lower_bound"] else f"{value:.1e}"
        return told if deviation is None else f"{told} ± {deviation:.0e}"
    for kind, error in NUMBERS.items():
        if kind.measures(name) and value is not None:
            return with_error(value, row.get(error.of(kind.name_in(name))))
    if not isinstance(value, float):
        return "" if value is None else str(value)
    deviation = (row.get(SPREADS) or {}).get(name)
    return number(value) if deviation is None else f"{number(value)} ± {number(deviation, 0)}"


def number(value: float, digits: int = 2) -> str:
    """`12.3`, or in powers of ten with so many digits after the point where it is small or large."""
    return f"{value:.1f}" if 1 <= abs(value) < 1e5 else f"{value:.{digits}e}"


def write_table(rows: Sequence[Row], path: Path) -> Path:
    """The rows as CSV, or as HDF5 with a dataset a column where the suffix is .h5; returns the path.

    Raises:
        UserError: another suffix, or the file cannot be written.
    """
    require(path.suffix in (".csv", ".h5"), f"a table is written as .csv or .h5, got {path}")
    names = columns_of(rows)
    if path.suffix == ".csv":
        with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as text:
            writer = csv.DictWriter(text, names)
            writer.writeheader()
            writer.writerows(rows)
    else:
        with new_file(path) as file:
            for name in names:
                write_array(file, name, np.array([row.get(name) for row in rows], dtype=object))
    return path


def write_array(file: h5py.File, name: str, cells: NDArray[np.object_]) -> h5py.Dataset:
    """An array of whole numbers, of numbers with NaN for None, or of text, whichever fits all cells."""
    known = [value for value in cells.flat if value is not None]
    if any(isinstance(value, str) for value in known):
        text = np.array(["" if value is None else str(value) for value in cells.flat], dtype=object)
        return file.create_dataset(name, data=text.reshape(cells.shape), dtype=h5py.string_dtype())
    whole = len(known) == cells.size and all(isinstance(value, int) for value in known)
    numbers = np.array([math.nan if value is None else value for value in cells.flat])
    return file.create_dataset(name, data=numbers.astype(np.int64 if whole else np.float64).reshape(cells.shape))
