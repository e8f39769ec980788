"""Tables of finished runs: all below a folder, and a few side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pinn.basis.errors import require
from pinn.report.kept import kept_measurement
from pinn.report.style import DPI, NORMAL, PathLike, add_legend, colors, style
from pinn.report.training import draw_metric
from pinn.solution.solution import Solution
from pinn.solution_file.contents import FILE_NAME
from pinn.solution_file.layout import replacing
from pinn.solution_file.reading import locate, opened, plain, read, read_column

WIDTH = 100
ATTRIBUTES = ("problem", "status", "seed", "wall_seconds")

Row = dict[str, Any]


def rows_below(folder: PathLike) -> list[Row]:
    """A row a finished run below the folder, the smallest error first, then those without one by held-out residual.

    Raises:
        UserError: there is no such folder, or no solution file in it.
    """
    root = Path(folder)
    require(root.is_dir(), f"no such folder: {root}")
    found = [summary(path, root) for path in sorted(root.rglob(FILE_NAME))]
    require(bool(found), f"no {FILE_NAME} below {root}; is it a folder of finished runs, such as runs/?")
    return sorted(found, key=lambda row: (row["error"] is None, row["error"] or 0.0, row["held_out"] or 0.0))


def summary(path: Path, root: Path) -> Row:
    """A run's numbers: its worst field's error, held-out residual, time, steps, and where it is."""
    with opened(path) as file:
        attributes = {name: plain(value) for name, value in file.attrs.items()}
        history = {str(column.attrs["metric"]): read_column(column) for column in file["training"].values()}
    errors = {name: value for name, value in attributes.items() if name.startswith("relative_l2_")}
    kept = kept_measurement(history)
    row: Row = {"run": str(path.parent.relative_to(root))}
    row |= {name: attributes.get(name) for name in ATTRIBUTES}
    row |= {"steps": len(history.get("step", ())), "held_out": kept.get("held_out")}
    return row | {"error": max(errors.values()) if errors else None} | errors


def table_text(rows: Sequence[Row], title: str = "") -> str:
    """The rows as a table for a terminal; columns without any value, and each field's error, are left out."""
    names = [name for name in columns_of(rows) if any(row.get(name) is not None for row in rows)]
    names = [name for name in names if not name.startswith("relative_l2_")]  # the largest is there
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=name != "run")
    for row in rows:
        table.add_row(*(cell(row.get(name)) for name in names))
    text = io.StringIO()
    Console(file=text, width=WIDTH, force_jupyter=False).print(table)
    return text.getvalue().strip("\n") + "\n"


def columns_of(rows: Sequence[Row]) -> list[str]:
    """The names of all columns in the order in which they come up."""
    return list(dict.fromkeys(name for row in rows for name in row))


def cell(value: Any) -> str:
    """A value as it stands in a table."""
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
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            with open(temporary, "w", newline="", encoding="utf-8") as text:
                writer = csv.DictWriter(text, names)
                writer.writeheader()
                writer.writerows(rows)
        else:
            with h5py.File(temporary, "w") as file:
                for name in names:
                    write_column(file, name, [row.get(name) for row in rows])
    return path


def write_column(file: h5py.File, name: str, values: Sequence[Any]) -> None:
    """Numbers with NaN where there is none, or text."""
    if any(isinstance(value, str) for value in values):
        text = ["" if value is None else str(value) for value in values]
        file.create_dataset(name, data=text, dtype=h5py.string_dtype())
    else:
        file[name] = np.array([np.nan if value is None else value for value in values], dtype=np.float64)


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
            row |= {f"{field} to the first": found["relative_l2"] for field, found in differences.items()}
        row |= {name: solution.attributes.get(name) for name in ("seed", "wall_seconds")}
        rows.append(row | {"steps": len(solution.history.get("step", ()))})
    return [{name: row.get(name) for name in columns_of(rows)} for row in rows]


def draw_comparison(runs: Sequence[PathLike], figure: PathLike) -> Path:
    """Held-out residual and error of several runs against seconds, a color a run; returns the figure's path."""
    contents = [read(locate(run)) for run in runs]
    fields = dict.fromkeys(name for held in contents for name in held.history if name.startswith("error/"))
    metrics = ["held_out", *fields]
    drawn = Figure(figsize=(3.6 * len(metrics), 3.0), layout="constrained")
    for axes, metric in zip(drawn.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        for color, run, held in zip(colors(), runs, contents, strict=False):
            draw_metric(axes, held.history, "seconds", metric, color, label=Path(run).name)
        style(axes, "time (s)")
        axes.set_yscale("log")
        named = "held-out residual" if metric == "held_out" else metric.replace("error/", "relative L2 error of ")
        axes.set_ylabel(named, fontsize=NORMAL)
        add_legend(axes)
    path = Path(figure)
    with replacing(path) as temporary:
        drawn.savefig(temporary, format=path.suffix.removeprefix(".") or "png", dpi=DPI)
    return path
