"""What a report tells of a run beside its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pinn.basis.errors import UserError
from pinn.basis.files import read_text, read_yaml
from pinn.basis.rebuilding import without_corrections
from pinn.report.accuracy import Accuracy
from pinn.solution_file.contents import Contents
from pinn.solution_file.identified import identified_rows
from pinn.solution_file.measured import kept_measurement, known_errors
from pinn.solution_file.reading import datasets, opened, read_attributes, read_history
from pinn.solution_file.results import Result, read_results, result_rows

OVERRIDES = Path(".hydra") / "overrides.yaml"


@dataclass(frozen=True)
class Record:
    """A run without the arrays on its nodes: root attributes, history (k,) by metric, configuration (YAML).

    sizes: the numbers in each of the network's arrays. overrides: the words of its command, None where it had none.
    results: what was asked of the solution beside its fields.
    """

    attributes: Mapping[str, Any]
    history: Mapping[str, NDArray]
    configuration: str
    sizes: tuple[int, ...]
    overrides: tuple[str, ...] | None = None
    results: Mapping[str, Result] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """The number of the network's parameters."""
        return sum(self.sizes)

    @property
    def kept(self) -> dict[str, float]:
        """What was measured with the parameters that the run kept."""
        return kept_measurement(self.history)

    @property
    def errors(self) -> dict[str, tuple[float, float]]:
        """Field -> relative L2 and largest error, where they are known."""
        return known_errors(self.attributes, self.attributes["field_names"].split())

    @cached_property
    def accuracy(self) -> Accuracy:
        """The verdict with its numbers."""
        return Accuracy.of(self.attributes, self.kept, self.errors)

    @property
    def unknowns(self) -> list[tuple[str, str, str]]:
        """What was identified: name, value with its error, and what is to be known of it."""
        return list(identified_rows(self.attributes))

    @property
    def result_rows(self) -> list[tuple[str, str, str]]:
        """What was asked of the solution: name, number with its error, and what is to be known of it."""
        return list(result_rows(self.results))

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration with dotted keys, as they are given on the command line."""
        configuration = dict(read_yaml(self.configuration) or {})
        if "network" in configuration:  # as it was trained: a corrected one's has it inside
            configuration["network"] = without_corrections(configuration["network"])
        return flattened(configuration)


def read_record(path: Path) -> Record:
    """The record of a solution file; raises UserError as `opened`."""
    with opened(path) as file:
        record = Record(
            read_attributes(file),
            read_history(file),
            str(file["config"].asstr()[()]),
            tuple(node.size for node in datasets(file["network"]) if not node.is_scale),
            overrides_in(path.parent),
            read_results(file),
        )
        _ = (
            record.accuracy,
            record.settings,
            record.result_rows,
        )  # what is made of them is found to be sound here, or damaged
        return record


def record_of(contents: Contents) -> Record:
    """The record of a solution in memory."""
    attributes = contents.attributes | {"field_names": " ".join(contents.fields)}
    sizes = tuple(values.size for values in contents.parameters.values())
    return Record(attributes, contents.history, contents.configuration, sizes, results=contents.results)


def overrides_in(folder: Path) -> tuple[str, ...] | None:
    """The words with which Hydra made the run in a folder; None where there is no record of them."""
    path = folder / OVERRIDES
    if not path.is_file() or path.is_symlink():
        return None
    try:
        words = read_yaml(read_text(path))
    except UserError:
        return None
    return tuple(map(str, words or ())) if isinstance(words, list | None) else None


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key -> value of a nested mapping; lists are values."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        is_branch = isinstance(value, dict) and bool(value)
        flat |= flattened(value, f"{prefix}{key}.") if is_branch else {f"{prefix}{key}": value}
    return flat
