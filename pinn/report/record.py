"""What a report tells of a run beside its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from pinn.report.kept import kept_measurement
from pinn.solution_file.contents import Contents
from pinn.solution_file.reading import opened, plain, read_column

OVERRIDES = Path(".hydra") / "overrides.yaml"


@dataclass(frozen=True)
class Record:
    """A run without the arrays on its nodes: root attributes, history (k,) by metric, configuration (YAML).

    parameters: the number of the network's. overrides: the words of its command, None where it had none.
    """

    attributes: Mapping[str, Any]
    history: Mapping[str, NDArray]
    configuration: str
    parameters: int
    overrides: tuple[str, ...] | None = None

    @property
    def kept(self) -> dict[str, float]:
        """What was measured with the parameters that the run kept."""
        return kept_measurement(self.history)

    @property
    def errors(self) -> dict[str, tuple[float, float]]:
        """Field -> relative L2 and largest error, where they are known."""
        names = [name for name in self.attributes["field_names"].split() if f"relative_l2_{name}" in self.attributes]
        return {name: (self.attributes[f"relative_l2_{name}"], self.attributes[f"max_error_{name}"]) for name in names}

    @property
    def unknowns(self) -> dict[str, float]:
        """What was identified."""
        return {k.removeprefix("unknown_"): v for k, v in self.attributes.items() if k.startswith("unknown_")}

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration with dotted keys, as they are given on the command line."""
        return flattened(yaml.safe_load(self.configuration) or {})


def read_record(path: Path) -> Record:
    """The record of a solution file; raises UserError as `opened`."""
    with opened(path) as file:
        sizes = [0]
        file["network"].visititems(lambda _, node: sizes.append(parameter_count(node)))
        return Record(
            {name: plain(value) for name, value in file.attrs.items()},
            {str(column.attrs["metric"]): read_column(column) for column in file["training"].values()},
            str(file["config"].asstr()[()]),
            sum(sizes),
            overrides_in(path.parent),
        )


def parameter_count(node: Any) -> int:
    """The numbers in a dataset; none in a group or in a dimension."""
    is_parameter = hasattr(node, "shape") and not node.is_scale
    return int(np.prod(node.shape)) if is_parameter else 0


def record_of(contents: Contents) -> Record:
    """The record of a solution in memory."""
    attributes = contents.attributes | {"field_names": " ".join(contents.fields)}
    size = sum(values.size for values in contents.parameters.values())
    return Record(attributes, contents.history, contents.configuration, size)


def overrides_in(folder: Path) -> tuple[str, ...] | None:
    """The words with which Hydra made the run in a folder; None where there is no record of them."""
    path = folder / OVERRIDES
    if not path.is_file():
        return None
    try:
        words = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return None
    return tuple(map(str, words or ()))


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key -> value of a nested mapping; lists are values."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        is_branch = isinstance(value, dict) and bool(value)
        found |= flattened(value, f"{prefix}{key}.") if is_branch else {f"{prefix}{key}": value}
    return found
