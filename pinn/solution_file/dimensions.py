"""Dimensions and attributes in the forms of netCDF-4, so that its readers open every part of a solution file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

DIMENSION_ONLY = "This is a netCDF dimension but not a netCDF variable.{:10d}"
"""The name by which the netCDF-4 format marks a dimension scale that holds no values."""


def dimension_only(group: h5py.Group, name: str, size: int) -> h5py.Dataset:
    """A dimension without values, as netCDF-4 writes one; made where it is not there yet."""
    if name not in group:
        group.create_dataset(name, shape=size, dtype=">f4").make_scale(DIMENSION_ONLY.format(size))
    return group[name]


def scaled(dataset: h5py.Dataset, group: h5py.Group, name: str = "length") -> None:
    """Attach dimensions without values, one for each axis and length, as netCDF's readers want them."""
    for axis, size in enumerate(dataset.shape):
        dataset.dims[axis].attach_scale(dimension_only(group, f"{name}_{axis}_{size}", size))


def is_dimension_only(dataset: h5py.Dataset) -> bool:
    """Whether this is a dimension without values."""
    return DIMENSION_ONLY.partition("{")[0].encode() in bytes(dataset.attrs.get("NAME", b""))


def set_attributes(target: h5py.Group | h5py.Dataset, attributes: Mapping[str, Any]) -> None:
    """Attributes in the types of netCDF: text, numbers and lists of them; truth values are 0 and 1."""
    for name, value in attributes.items():
        if isinstance(value, (bool, np.bool_)):
            target.attrs[name] = np.int8(value)
        elif isinstance(value, (int, float, np.number)):
            target.attrs[name] = value
        elif isinstance(value, (list, tuple, np.ndarray)):
            if len(value):
                target.attrs[name] = list(value)
        elif value is not None:
            target.attrs[name] = str(value)
