"""The arrays on the nodes as an xarray.Dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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
    arrays: dict[str, Any] = {}
    for path, values in contents.on_nodes().items():
        group, _, name = path.rpartition("/")
        own = contents.dimensions_of(group or ("fields" if name in contents.fields else "derivatives"), name)
        if own != dimensions:  # constant along the others; what is not a number lies outside
            values = np.fmax.reduce(values, axis=tuple(k for k, one in enumerate(dimensions) if one not in own))
        arrays[path.replace("/", "_", 1)] = (own, values, described(path) if path in contents.fields else {})
    if nodes.cells is not None:
        arrays["cells"] = (("cell", "corner"), nodes.cells)
    known = {name: value for name, value in contents.attributes.items() if value is not None}
    return xarray.Dataset(arrays, coordinates, known)
