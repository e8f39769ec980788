"""Values at places from a file: a text of columns, NetCDF or HDF5 with axes, or what pyvista reads."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pinn.basis.columns import complete_columns
from pinn.basis.errors import UserError, require
from pinn.basis.files import require_regular
from pinn.basis.gridded import CLASSIC, Array, Variable, classic_variables, hdf5_variables

MESHES = (".vtu", ".vtk", ".vtp", ".vti", ".vtr", ".vts")


def read_scattered(path: Path) -> dict[str, Array]:
    """Coordinates and values as columns (n,) by name.

    A file of axes has a row for each of their nodes, with all variables that have most dimensions; a mesh its points as
    x, y, z. Raises UserError where the file is none of these.
    """
    require_regular(path)
    if path.suffix in MESHES:
        return _of_mesh(path)
    if h5py.is_hdf5(path):
        return _of_variables(hdf5_variables(path), path)
    with path.open("rb") as stream:
        classic = stream.read(3) == CLASSIC
    return _of_variables(classic_variables(path), path) if classic else dict(complete_columns(path).values)


def _of_variables(variables: dict[str, Variable], path: Path) -> dict[str, Array]:
    values = {name: v for name, v in variables.items() if v.dimensions and v.dimensions != (name,)}
    require(bool(values), f"{path} holds no values over axes")
    dimensions = max((v.dimensions for v in values.values()), key=len)
    shape = next(v.values.shape for v in values.values() if v.dimensions == dimensions)
    found = {name: v.values.ravel() for name, v in values.items() if v.dimensions == dimensions}
    for number, axis in enumerate(dimensions):
        if axis in variables:  # without, it numbers places
            along = [-1 if number == other else 1 for other in range(len(shape))]
            found[axis] = np.broadcast_to(variables[axis].values.reshape(along), shape).ravel()
    return found


def _of_mesh(path: Path) -> dict[str, Array]:
    try:
        import pyvista
    except ImportError as error:
        raise UserError(f"{path} is read by pyvista: pip install pyvista; or give a .csv") from error
    mesh: Any = pyvista.read(path)
    require(hasattr(mesh, "point_data"), f"{path} has no values at points")
    found = dict(zip("xyz", np.asarray(mesh.points, dtype=np.float64).T, strict=True))
    arrays = {name: np.asarray(mesh.point_data[name], dtype=np.float64) for name in mesh.point_data}
    return found | {name: array for name, array in arrays.items() if array.ndim == 1}
