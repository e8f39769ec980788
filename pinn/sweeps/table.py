"""Tables of finished runs: a row a run."""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pinn.basis.disk import replacing
from pinn.basis.errors import require
from pinn.basis.files import printable
from pinn.report.record import Record, read_record
from pinn.solution_file.contents import FILE_NAME
from pinn.solution_file.identified import with_error
from pinn.solution_file.measured import Measure
from pinn.solution_file.new import new_file
from pinn.solution_file.reading import PathLike
from pinn.solution_file.soundness import understood

WIDTH = 100  # at least
ATTRIBUTES = ("problem", "status", "seed", "wall_seconds")
RANKED = ("error", "estimated_error", "held_out")  # by the first that is known

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

    lower_bound: whether the estimate is one. held_out: sum of the weighted mean squares on fresh points.
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
    row |= {"held_out": record.kept.get(Measure.HELD_OUT.total), "steps": len(record.history.get("step", ()))}
    return row | Measure.RELATIVE_L2.entries(errors) | numbers_of(record.attributes)


def numbers_of(row: Mapping[str, Any]) -> Row:
    """What was identified and what was asked of the solution, with their errors, of all entries."""
    own = (*NUMBERS, *NUMBERS.values())
    return {key: value for key, value in row.items() if any(measure.measures(key) for measure in own)}


def told_name(column: str) -> str:
    """What a column is called for people: a number of a run's own by its name alone."""
    return next((kind.name_in(column) for kind in NUMBERS if kind.measures(column)), column)


def table_text(rows: Sequence[Row]) -> str:
    """The rows as a table for a terminal; without columns that have no value, and fields' errors but the largest."""
    names = [name for name in columns_of(rows) if any(row.get(name) is not None for row in rows)]
    beside = (Measure.RELATIVE_L2, *NUMBERS.values())
    names = [name for name in names if name != "lower_bound" and not any(m.measures(name) for m in beside)]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in names:
        told = told_name(name)
        table.add_column(
            Text(told if told != name else name.replace("_", "\n")), overflow="fold", no_wrap=name != "run"
        )
    for row in rows:
        table.add_row(*(Text(cell(row, name)) for name in names))  # as it is: brackets in a value are no markup
    text = io.StringIO()
    width = max(WIDTH, shutil.get_terminal_size((WIDTH, 0)).columns)
    Console(file=text, width=width, force_jupyter=False).print(table)
    return printable(text.getvalue()).strip("\n") + "\n"


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
        return f"> {value:.1e}" if row["lower_bound"] else f"{value:.1e}"
    for kind, error in NUMBERS.items():
        if kind.measures(name) and value is not None:
            return with_error(value, row.get(error.of(kind.name_in(name))))
    if isinstance(value, float):
        return f"{value:.1f}" if 1 <= abs(value) < 1e5 else f"{value:.2e}"
    return "" if value is None else str(value)


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
