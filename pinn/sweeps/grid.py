"""The rows of a sweep as arrays in HDF5: `xarray.open_dataset("summary.h5")` has the swept keys as dimensions."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pinn.solution_file.new import new_file
from pinn.sweeps.table import Row, columns_of, write_array

FULL_ENOUGH = 0.1  # share of the grid's cells that have a job; below it jobs are one dimension


def write_grid(rows: Sequence[Row], swept: Sequence[str], path: Path) -> Path:
    """Write every column that is not swept as an array over the swept keys, NaN or empty where there is no job.

    Columns without any value are left out. Where the jobs fill less than a tenth of that grid, or two share a cell,
    the one dimension is `job`, and the swept keys are columns, too. A `/` in a key, which HDF5 reads as a group,
    becomes a dot.
    """
    axes = {key: _labels([row[key] for row in rows]) for key in swept}
    cells = {tuple(axes[key].index(row[key]) for key in swept) for row in rows}
    if not swept or len(cells) < len(rows) or len(cells) < FULL_ENOUGH * math.prod(map(len, axes.values())):
        axes = {"job": [row["job"] for row in rows]}
    shape = tuple(map(len, axes.values()))
    places = [tuple(axes[key].index(row[key]) for key in axes) for row in rows]
    with new_file(path) as file:
        for key, labels in axes.items():
            write_array(file, _plain(key), np.array(labels, dtype=object)).make_scale(_plain(key))
        for name in columns_of(rows):
            values = [row.get(name) for row in rows]
            if name not in axes and any(value is not None for value in values):
                filled = np.full(shape, None, dtype=object)
                for place, value in zip(places, values, strict=True):
                    filled[place] = value
                array = write_array(file, _plain(name), filled)
                for number, key in enumerate(axes):
                    array.dims[number].attach_scale(file[_plain(key)])
    return path


def _labels(values: Sequence[Any]) -> list[Any]:
    """The distinct values, in order where they are numbers, else in that of the jobs."""
    distinct = list(dict.fromkeys(values))
    return sorted(distinct) if all(isinstance(value, (int, float)) for value in distinct) else distinct


def _plain(name: str) -> str:
    return name.replace("/", ".")
