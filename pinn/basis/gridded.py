"""Values on a grid from a file: a text of columns, NetCDF, or HDF5 with dimension scales."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pinn.basis.columns import read_columns
from pinn.basis.errors import UserError, require
from pinn.basis.files import require_regular

Array = NDArray[np.float64]
CLASSIC = b"CDF"  # how NetCDF files begin that are no HDF5


@dataclass(frozen=True)
class Gridded:
    """Values (k_1, ..., k_d) over axes (k_i,) by name, in the order of the dimensions."""

    axes: dict[str, Array]
    values: Array


@dataclass(frozen=True)
class Variable:
    """An array of a file with the names of its dimensions."""

    dimensions: tuple[str, ...]
    values: Array


def read_grid(path: Path, value: str | None = None) -> Gridded:
    """What a file holds on a grid. value: the column's or variable's name, None where there is one that it can be.

    In a text each row is a node: columns of coordinates, the last column (or `value`) the values, rows in any order.
    Raises UserError where the file is none of these, or its nodes are no full grid.
    """
    require_regular(path)
    if h5py.is_hdf5(path):
        return _of_variables(hdf5_variables(path), path, value)
    with path.open("rb") as stream:
        classic = stream.read(3) == CLASSIC
    return _of_variables(classic_variables(path), path, value) if classic else _of_text(path, value)


def _of_text(path: Path, value: str | None) -> Gridded:
    columns = read_columns(path)
    _require_numbers(columns.values, path)
    name = value or list(columns.values)[-1]
    require(name in columns.values, f"{path} has no column {name!r}; the columns are {', '.join(columns.values)}")
    coordinates = {other: q for other, q in columns.values.items() if other != name}
    require(bool(coordinates), f"{path} has one column, {name}; a table needs a coordinate and a value a row")
    axes, places = {}, []
    for other, q in coordinates.items():
        axes[other], place = np.unique(q, return_inverse=True)
        places.append(place)
    shape = tuple(len(axis) for axis in axes.values())
    flat, n = np.ravel_multi_index(tuple(places), shape), len(columns.lines)
    twice = np.flatnonzero(np.bincount(flat, minlength=1) > 1)
    if len(twice):
        line = columns.lines[np.flatnonzero(flat == twice[0])[1]]
        raise UserError(f"{path}, line {line}: the place of this row is there twice; a table has one value at each")
    grid = " x ".join(map(str, shape))
    require(
        n == np.prod(shape), f"{path} has {n} rows, which are no grid of {grid} places; use Data for scattered values"
    )
    values = np.empty(n)
    values[flat] = columns.values[name]
    return Gridded(axes, values.reshape(shape))


def _require_numbers(columns: Mapping[str, Array], path: Path) -> None:
    for name, q in columns.items():
        bad = int((~np.isfinite(q)).sum())
        require(not bad, f"{path}: {bad} of {q.size} numbers of {name} are missing or not finite; a table needs each")


def _of_variables(variables: dict[str, Variable], path: Path, value: str | None) -> Gridded:
    """The variable asked for, or the only one that is not an axis itself."""
    fields = [name for name, v in variables.items() if v.dimensions and v.dimensions != (name,)]
    if value is None:
        require(len(fields) == 1, f"{path} holds {', '.join(fields) or 'no values over axes'}; say which by value=")
    name = value or fields[0]
    require(name in fields, f"{path} has no values {name!r} over axes; it holds {', '.join(fields) or 'none'}")
    found = variables[name]
    without = [axis for axis in found.dimensions if axis not in variables]
    require(not without, f"{path}: the dimension {', '.join(without)} of {name} has no coordinates; give it a variable")
    axes = {axis: variables[axis].values for axis in found.dimensions}
    _require_numbers({**axes, name: found.values}, path)
    return Gridded(axes, found.values)


def hdf5_variables(path: Path) -> dict[str, Variable]:
    """The datasets of the root group, with the dimension scales that they have."""
    found = {}
    with h5py.File(path) as file:
        for name, dataset in file.items():
            if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind in "fiu" and dataset.ndim:
                if dataset.is_scale:
                    names: tuple[str, ...] = (name,)
                else:
                    names = tuple(d[0].name.rpartition("/")[2] if len(d) else d.label or "?" for d in dataset.dims)
                found[name] = Variable(names, _unpacked(dataset[()], dict(dataset.attrs)))
    return found


def classic_variables(path: Path) -> dict[str, Variable]:
    """The variables of a NetCDF file that is no HDF5."""
    from scipy.io import netcdf_file

    with netcdf_file(path, mmap=False) as file:
        return {
            name: Variable(v.dimensions, _unpacked(v[:], {k: getattr(v, k) for k in v._attributes}))
            for name, v in file.variables.items()
            if v.dimensions and v.data.dtype.kind in "fiu"
        }


def _unpacked(stored: Any, attributes: Mapping[str, Any]) -> Array:
    """Numbers as the CF conventions pack them: scale_factor, add_offset, _FillValue where there is none."""
    values = np.asarray(stored, dtype=np.float64)
    for name in ("_FillValue", "missing_value"):
        if name in attributes:
            values = np.where(np.asarray(stored) == np.asarray(attributes[name]).ravel()[0], np.nan, values)
    factor, offset = (
        float(np.asarray(attributes.get(k, d)).ravel()[0]) for k, d in (("scale_factor", 1), ("add_offset", 0))
    )
    return values * factor + offset
