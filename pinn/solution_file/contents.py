"""What a solution file holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from pinn.basis.pages import Page
from pinn.solution_file.nodes import Nodes
from pinn.solution_file.results import Result

FORMAT_VERSION = 2  # 1: what later windows of time add is multiplied by the ansatz's factor of time
FILE_NAME = "solution.h5"
FIELD_SIZES = "field_sizes"  # root attribute: JSON, field -> [shift, size] of the network's outputs; absent for [0, 1]
GROUPS = ("reference", "error", "estimate", "band", "residual")
"""Groups of arrays on the nodes beside the fields."""


@dataclass
class Contents:
    """All that a solution file holds, as numpy arrays and plain data.

    `fields`, `derivatives`, `reference`, `error`, `estimate` (of the error), `band` (two standard errors by the noise
    of data) and `residual` have the shape of `nodes`;
    `history` has one value a step (k,); `points` has (n, d) for each term; `diagnosis` may have `singular_values` (k,)
    of the Jacobian and the columns of `ErrorGrowth`; `configuration` is YAML; `attributes` are the root attributes.
    modes: of a problem with several eigenfunctions the eigenvalues (k,) by the unknown's name and fields (k, *nodes).
    page: the source of the module that defines the problem, where it is the user's own.
    results: what was asked of the solution beside its fields.
    fewer: field -> the dimensions that it is a function of, where these are not all; in the file it has no others.
    """

    nodes: Nodes
    coordinates: tuple[str, ...]
    fields: dict[str, NDArray] = field(default_factory=dict)
    derivatives: dict[str, NDArray] = field(default_factory=dict)
    reference: dict[str, NDArray] = field(default_factory=dict)
    error: dict[str, NDArray] = field(default_factory=dict)
    estimate: dict[str, NDArray] = field(default_factory=dict)
    band: dict[str, NDArray] = field(default_factory=dict)
    residual: dict[str, NDArray] = field(default_factory=dict)
    history: dict[str, NDArray] = field(default_factory=dict)
    parameters: dict[str, NDArray] = field(default_factory=dict)
    points: dict[str, NDArray] = field(default_factory=dict)
    diagnosis: dict[str, NDArray] = field(default_factory=dict)
    modes: dict[str, NDArray] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    configuration: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    long_names: dict[str, str] = field(default_factory=dict)
    fewer: dict[str, tuple[str, ...]] = field(default_factory=dict)
    page: Page | None = None

    def on_nodes(self) -> dict[str, NDArray]:
        """The arrays on the nodes by their paths in the file: `u`, `u_x`, `error/u`, `residual/<term>`."""
        arrays = self.fields | self.derivatives
        for group in GROUPS:
            arrays |= {f"{group}/{name}": values for name, values in getattr(self, group).items()}
        return arrays

    def dimensions_of(self, group: str, name: str) -> tuple[str, ...]:
        """The dimensions of an array of a group in the file."""
        whole = tuple(self.nodes.dimensions)
        return self.fewer.get(name, whole) if group not in ("residual", "derivatives") else whole

    def description(self, name: str) -> dict[str, str]:
        """CF's `long_name` and `units` of a coordinate or field; "1" (dimensionless) where no unit is stated."""
        return {"long_name": self.long_names.get(name, name), "units": self.units.get(name, "1")}
