"""Finished runs of one or several problems, and in what they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinn.diagnosis.verdict import Word
from pinn.report.record import Record, read_record
from pinn.solution_file.contents import FILE_NAME
from pinn.sweeps.table import NUMBERS, Row, cell, rows_below
from pinn.sweeps.words import by_key, differing, value_of

DEFAULT = "default"
"""Stands for what a run's command does not say."""

PHYSICAL = "problem."
"""Begins the keys of an equation's own parameters: with them the answer changes, not how well it is found."""


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
    def measures(self) -> dict[str, float | None]:
        """What tells how good it is, the surest first."""
        errors = {"error": self.row["error"], "estimated error": self.row["estimated_error"]}
        return errors | {"residual": self.row["residual"]}

    @property
    def results(self) -> dict[str, float]:
        """The numbers that it found beside its fields: what was identified, eigenvalues, what was asked."""
        return {name: self.row[column] for name, column in self._columns.items()}

    @property
    def told(self) -> dict[str, str]:
        """The same with their errors, for people to read."""
        return {name: cell(self.row, column) for name, column in self._columns.items()}

    @property
    def _columns(self) -> dict[str, str]:
        held = [(kind, column) for column in self.row for kind in NUMBERS if kind.measures(column)]
        return {kind.name_in(column): column for kind, column in held if isinstance(self.row[column], float)}


@dataclass(frozen=True)
class Group:
    """The runs of one problem: the best first, or in the order of the equation's own parameters where these differ.

    keys: in which they differ.
    """

    problem: str
    runs: tuple[Run, ...]
    keys: tuple[str, ...]

    @property
    def physical(self) -> tuple[str, ...]:
        """The keys that are parameters of the equation: the best over these would say nothing."""
        return tuple(key for key in self.keys if key.startswith(PHYSICAL))

    @property
    def results(self) -> tuple[str, ...]:
        """The names of the numbers that some run found beside its fields."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.results))

    @property
    def measure(self) -> str:
        """The surest measure that some run has."""
        known = (name for name in self.runs[0].measures if any(run.measures[name] is not None for run in self.runs))
        return next(known, "residual")

    @property
    def ends(self) -> tuple[float, float] | None:
        """The smallest and the largest of that measure."""
        known = [value for run in self.runs if (value := run.measures[self.measure]) is not None]
        return (min(known), max(known)) if known else None


def read_groups(root: Path) -> list[Group]:
    """The runs below a folder by their problems; raises UserError as `rows_below`."""
    by_problem: dict[str, list[Row]] = {}
    for row in rows_below(root):
        by_problem.setdefault(str(row["problem"]), []).append(row)
    return [group_of(problem, rows, root) for problem, rows in sorted(by_problem.items())]


def group_of(problem: str, rows: Sequence[Row], root: Path) -> Group:
    """The runs of a problem, by their rows."""
    records = [read_record(root / row["run"] / FILE_NAME) for row in rows]
    values = swept(records)
    own = [{key: column[k] for key, column in values.items()} for k in range(len(rows))]
    runs = [Run(row, record, each) for row, record, each in zip(rows, records, own, strict=True)]
    group = Group(problem, tuple(runs), tuple(values))
    if not group.physical:
        return group
    return Group(
        problem, tuple(sorted(runs, key=lambda run: [ordered(run.values[key]) for key in group.physical])), group.keys
    )


def ordered(value: Any) -> tuple[bool, float, str]:
    """By which values are sorted: numbers by their size, before words."""
    return (False, float(value), "") if is_number(value) else (True, 0.0, str(value))


def is_number(value: Any) -> bool:
    """Whether a value has a place along an axis."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
