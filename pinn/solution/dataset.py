"""The arrays on the nodes as an xarray.Dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinn.basis.errors import UserError
from pinn.solution_file.contents import Contents

if TYPE_CHECKING:
    import xarray


def to_dataset(contents: Contents) -> xarray.Dataset:
    """Coordinates, fields, derivatives, `reference_u`, `error_u`, `estimate_u`, `residual_<term>`, with units and
    long names.

    Raises:
        UserError: xarray is not installed.
    """
    try:
        import xarray
    except ImportError as error:
        raise UserError("to_xarray needs xarray: pip install xarray") from error
    nodes = contents.nodes
    dimensions = tuple(nodes.dimensions)
    described = contents.description
    coordinates: dict[str, Any] = {name: (name, axis, described(name)) for name, axis in nodes.dimensions.items()}
    coordinates |= {name: ("node", values, described(name)) for name, values in nodes.positions.items()}
    arrays: dict[str, Any] = {
        path.replace("/", "_", 1): (dimensions, values, described(path) if path in contents.fields else {})
        for path, values in contents.on_nodes().items()
    }
    if nodes.cells is not None:
        arrays["cells"] = (("cell", "corner"), nodes.cells)
    known = {name: value for name, value in contents.attributes.items() if value is not None}
    return xarray.Dataset(arrays, coordinates, known)
