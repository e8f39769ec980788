"""The page of several runs: a table to be sorted, errors against what was varied, and the best run's command."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from pinn.basis.disk import write_text
from pinn.diagnosis.verdict import Word
from pinn.report.page import FILE_NAME as PAGE
from pinn.report.page import command, data_address, environment
from pinn.report.record import OVERRIDES, Record, overrides_in, read_record
from pinn.report.style import COLORS, NORMAL, SMALL, image, style
from pinn.solution_file.contents import FILE_NAME
from pinn.solution_file.reading import PathLike
from pinn.sweeps.records import read_record as read_job
from pinn.sweeps.table import NUMBERS, Row, cell, columns_of, rows_below, told_name
from pinn.sweeps.words import by_key, differing, value_of

DEFAULT = "default"
"""Stands for what a run's command does not say."""

LABELS = {
    "error": "relative L2 error",
    "estimated error": "estimated relative L2 error",
    "residual": "residual on fresh points",
}
TICKS = 8  # values up to which each is a tick
WIDE = 30.0  # ratio of the largest to the smallest value from which an axis is logarithmic
COLUMNS = 3


@dataclass(frozen=True)
class Run:
    """A finished run: its row of numbers, its record, and the value of each swept key."""

    row: Row
    record: Record
    values: dict[str, Any]

    @property
    def word(self) -> Word:
        """The verdict's."""
        return self.record.accuracy.verdict.word

    @property
    def residual(self) -> float | None:
        """What all terms leave on fresh points, root of the sum of their mean squares."""
        terms = self.record.accuracy.residuals
        return math.hypot(*(term.fresh for term in terms)) if terms else None

    @property
    def measures(self) -> dict[str, float | None]:
        """What tells how good it is, the surest first."""
        errors = {"error": self.row["error"], "estimated error": self.row["estimated_error"]}
        return errors | {"residual": self.residual}

    @property
    def measure(self) -> float | None:
        """The first of them that is known."""
        return next((value for value in self.measures.values() if value is not None), None)


def write_sweep_report(folder: PathLike, target: PathLike | None = None) -> Path:
    """Write the page of all runs below a folder, `report.html` in it or `target`; the keys are those that differ.

    Raises:
        UserError: there is no such folder or no finished run below it, or the page cannot be written.
    """
    root = Path(folder)
    target = root / PAGE if target is None else Path(target)
    runs = read_runs(root)
    keys = list(runs[0].values)
    page = (
        environment("pinn.sweeps")
        .get_template("sweep.html")
        .render(
            folder=str(root),
            runs=runs,
            keys=keys,
            numbers=numbers(runs),
            measure=measured_by(runs),
            good=sum(run.word.is_good for run in runs),
            several_problems=len({run.row["problem"] for run in runs}) > 1,
            links={run.row["run"]: link(root / run.row["run"], target.parent) for run in runs},
            seconds=sum(run.row["wall_seconds"] or 0.0 for run in runs),
            best=command(runs[0].record.overrides) if runs[0].record.overrides is not None else None,
            figure=data_address(image(draw_sweep(runs, keys))) if keys else None,
            unfinished=unfinished(root),
        )
    )
    return write_text(target, page)


def read_runs(root: Path) -> list[Run]:
    """The runs below a folder, the best first, with the values of the keys in which they differ."""
    rows = rows_below(root)
    records = [read_record(root / row["run"] / FILE_NAME) for row in rows]
    values = swept(records)
    own = [{key: column[k] for key, column in values.items()} for k in range(len(rows))]
    return [Run(row, record, each) for row, record, each in zip(rows, records, own, strict=True)]


def numbers(runs: Sequence[Run]) -> dict[str, list[str]]:
    """What was identified and what was asked of the solutions, by its name: each run's number with its error."""
    columns = [name for name in columns_of([run.row for run in runs]) if any(kind.measures(name) for kind in NUMBERS)]
    return {told_name(name): [cell(run.row, name) for run in runs] for name in columns}


def measured_by(runs: Sequence[Run]) -> str:
    """The surest measure that some run has."""
    return next((name for name in runs[0].measures if any(run.measures[name] is not None for run in runs)), "residual")


def swept(records: Sequence[Record]) -> dict[str, list[Any]]:
    """Key -> each run's value, of the keys that differ: those of their commands where all have one, else all.

    A class (`optimizer._target_`) goes by its group's name; the options that only some runs have are left out.
    """
    given = [own_words(record.overrides) for record in records if record.overrides is not None]
    settings = [settings_of(record) for record in records]
    if len(given) < len(records):
        common = [key for key in settings[0] if all(key in each for each in settings)]
        return differing([{key: each[key] for key in common} for each in settings])
    keys = dict.fromkeys(key for each in given for key in each)
    return differing(
        [{key: own.get(key, held.get(key, DEFAULT)) for key in keys} for own, held in zip(given, settings, strict=True)]
    )


def own_words(overrides: Sequence[str]) -> dict[str, Any]:
    """Key -> value of a command's words, Hydra's own left out."""
    return {key: value_of(text) for key, text in by_key(overrides).items() if not key.startswith(("hydra", "~"))}


def settings_of(record: Record) -> dict[str, Any]:
    """The configuration with a class under its group's name."""
    return {
        key.removesuffix("._target_"): str(value).rpartition(".")[2] if key.endswith("._target_") else value
        for key, value in record.settings.items()
    }


def link(run: Path, base: Path) -> str | None:
    """The address of a run's own page, relative to this one; None where it has none.

    It begins with a dot, so that no folder's name is taken for a scheme (`javascript:`) or another host.
    """
    page = run / PAGE
    return "./" + quote(Path(os.path.relpath(page, base)).as_posix()) if page.is_file() else None


def unfinished(root: Path) -> dict[str, tuple[str, str]]:
    """Folder -> command and error, where it is known, of the runs that left no solution."""
    folders = [path.parents[1] for path in sorted(root.rglob(str(OVERRIDES)))]
    without = [folder for folder in folders if not (folder / FILE_NAME).exists()]
    jobs = {folder: read_job(folder) for folder in without}
    return {
        str(folder.relative_to(root)): (command(overrides_in(folder) or ()), (job and job.error) or "")
        for folder, job in jobs.items()
    }


def draw_sweep(runs: Sequence[Run], keys: Sequence[str]) -> Figure:
    """The error of each run against each swept key, and the median at each value."""
    columns = min(COLUMNS, len(keys))
    rows = -(-len(keys) // columns)
    figure = Figure(figsize=(max(3.2 * columns, 4.8), 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    label = LABELS[measured_by(runs)]
    for axes, key in zip(panels.flat, keys, strict=False):
        draw_key(axes, key, [run for run in runs if run.measure])
    for axes in panels.flat[len(keys) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel(label, fontsize=NORMAL)
    return figure


def draw_key(axes: Axes, key: str, runs: Sequence[Run]) -> None:
    """One panel: numbers along their axis, words side by side."""
    values = [run.values[key] for run in runs]
    is_number = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    known = sorted(set(values)) if is_number else sorted({str(value) for value in values})
    at = {value: float(value) if is_number else float(k) for k, value in enumerate(known)}
    x = np.array([at[value if is_number else str(value)] for value in values])
    y = np.array([run.measure for run in runs])
    axes.plot(x, y, "o", color=COLORS[0], markersize=4, alpha=0.7)
    places = np.unique(x)
    # words have no order
    form = {"linewidth": 1.2} if is_number else {"linestyle": "", "marker": "_", "markersize": 24}
    axes.plot(places, [np.median(y[x == place]) for place in places], color=COLORS[1], **form)
    style(axes, key)
    axes.margins(x=0.05 if is_number else 0.3)
    axes.set_yscale("log")
    if is_number and 0 < WIDE * x.min() <= x.max():
        axes.set_xscale("log")
    if not is_number or len(known) <= TICKS:
        labels = [f"{value:g}" if is_number else str(value) for value in known]
        axes.set_xticks(list(at.values()), labels, fontsize=SMALL)
        axes.xaxis.set_minor_locator(NullLocator())
        if sum(map(len, labels)) > 36:
            axes.tick_params("x", rotation=30)
