"""The rows of a sweep as arrays in HDF5: `xarray.open_dataset("summary.h5")` has the swept keys as dimensions."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pinn.report.runs import Row, columns_of
from pinn.solution_file.layout import replacing

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
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for key, labels in axes.items():
            _write(file, _plain(key), np.array(labels, dtype=object), [(i,) for i in range(len(labels))], labels)
            file[_plain(key)].make_scale(_plain(key))
        for name in columns_of(rows):
            values = [row.get(name) for row in rows]
            if name not in axes and any(value is not None for value in values):
                _write(file, _plain(name), np.empty(shape, dtype=object), places, values)
                for number, key in enumerate(axes):
                    file[_plain(name)].dims[number].attach_scale(file[_plain(key)])
    return path


def _labels(values: Sequence[Any]) -> list[Any]:
    """The distinct values, in order where they are numbers, else in that of the jobs."""
    distinct = list(dict.fromkeys(values))
    return sorted(distinct) if all(isinstance(value, (int, float)) for value in distinct) else distinct


def _plain(name: str) -> str:
    return name.replace("/", ".")


def _write(file: h5py.File, name: str, empty: Any, places: Sequence[tuple[int, ...]], values: Sequence[Any]) -> None:
    """A dataset of whole numbers, of numbers with NaN, or of text, whichever fits all values."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        filled, kind = np.full(empty.shape, "", dtype=object), h5py.string_dtype()
        values = ["" if value is None else str(value) for value in values]
    else:
        whole = len(known) == empty.size and all(isinstance(value, int) for value in known)
        filled = np.full(empty.shape, 0 if whole else np.nan)
        filled, kind = filled.astype(np.int64 if whole else np.float64), None
        values = [math.nan if value is None else value for value in values]
    for place, value in zip(places, values, strict=True):
        filled[place] = value
    file.create_dataset(name, data=filled, dtype=kind)
