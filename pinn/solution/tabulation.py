"""Functions of a problem on the nodes of a file, a block at a time, so that large grids need little memory."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from pinn.solution_file.nodes import Block, Nodes, blocks

BLOCK = 2**17
"""Nodes in a block at most: a multiple of what the file keeps as a chunk, so that each chunk is written once."""

LARGE = 2**20
"""Nodes from which a progress bar is shown."""

Create = Callable[[str, str, np.dtype], Any]
"""Group, name and type of an array on the nodes to the array: numpy's or HDF5's."""

Function = Callable[[NDArray[np.float64]], Mapping[str, NDArray]]
"""Points (n, d) to values (n,) by name."""


class Tabulation:
    """Arrays on the nodes of a file, filled block by block.

    Args:
        nodes: where.
        coordinates: the columns of points.
        create: makes an array when its name comes up first.
    """

    def __init__(self, nodes: Nodes, coordinates: Sequence[str], create: Create) -> None:
        self.nodes = nodes
        self.coordinates = coordinates
        self.create = create
        self.groups: dict[str, dict[str, Any]] = {}

    def fill(self, functions: Mapping[str, Function]) -> None:
        """Fill each group by its function of points; NaN where a node lies outside the domain."""
        for block in shown(list(blocks(self.nodes.shape, BLOCK)), self.nodes.size):
            points = self.nodes.points(self.coordinates, block)
            shape = tuple(part.stop - part.start for part in block)
            inside = slice(None) if self.nodes.inside is None else self.nodes.inside[block].ravel()
            if len(points[inside]) == 0:
                continue
            for group, function in functions.items():
                for name, values in function(points[inside]).items():
                    whole = np.full(len(points), np.nan, dtype=values.dtype)
                    whole[inside] = values
                    self._array(group, name, values.dtype)[block] = whole.reshape(shape)

    def copy(self, group: str, arrays: Mapping[str, NDArray]) -> None:
        """Fill a group from arrays on the same nodes."""
        for name, values in arrays.items():
            array = self._array(group, name, values.dtype)
            for block in blocks(self.nodes.shape, BLOCK):
                array[block] = values[block]

    def multiply(self, group: str, source: str, factor: float) -> None:
        """Fill a group from another one's arrays times a factor."""
        for name, array in list(self.groups.get(source, {}).items()):
            made = self._array(group, name, array.dtype if hasattr(array, "dtype") else np.dtype(np.float64))
            for block in blocks(self.nodes.shape, BLOCK):
                made[block] = factor * array[block]

    def center(self, group: str, name: str) -> None:
        """Take its mean over space off an array."""
        array = self.groups[group][name]
        mean = self._mean_over_space(array)
        for block in blocks(self.nodes.shape, BLOCK):
            array[block] = array[block] - mean[self._over_space(block)]

    def compare(self, name: str, up_to_constant: bool) -> dict[str, float]:
        """Fill the error of a field against its reference and return its relative L2 norm and maximum.

        relative_l2 = sqrt(sum |u - truth|^2 / sum |truth|^2), NaN where the truth is zero everywhere. up_to_constant:
        take off both means over space.
        """
        values, truth = self.groups["fields"][name], self.groups["reference"][name]
        means = [self._mean_over_space(array) if up_to_constant else None for array in (values, truth)]
        error = self._array("error", name, np.dtype(np.float64))
        squares, scale, largest = 0.0, 0.0, 0.0
        for block in blocks(self.nodes.shape, BLOCK):
            own, true = (
                array[block].astype(np.float64) - (0.0 if mean is None else mean[self._over_space(block)])
                for array, mean in zip((values, truth), means, strict=True)
            )
            error[block] = difference = own - true
            inside = True if self.nodes.inside is None else self.nodes.inside[block]
            squares += float(np.sum(difference**2, where=inside))
            scale += float(np.sum(true**2, where=inside))
            # numpy's maximum keeps a NaN
            largest = float(np.maximum(largest, np.max(np.abs(difference), where=inside, initial=0.0)))
        return {"relative_l2": math.sqrt(squares / scale) if scale > 0 else math.nan, "max": largest}

    def _array(self, group: str, name: str, dtype: np.dtype) -> Any:
        arrays = self.groups.setdefault(group, {})
        if name not in arrays:
            arrays[name] = self.create(group, name, dtype)
        return arrays[name]

    def _mean_over_space(self, array: Any) -> NDArray[np.float64]:
        """The mean of an array over space, at each time and parameter; axes of space have the length 1."""
        axes = tuple(axis for axis, name in enumerate(self.nodes.dimensions) if name in self.nodes.space)
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(self.nodes.shape))
        total, count = np.zeros(shape), np.zeros(shape)
        for block in blocks(self.nodes.shape, BLOCK):
            values, place = array[block].astype(np.float64), self._over_space(block)
            inside = np.ones(values.shape, bool) if self.nodes.inside is None else self.nodes.inside[block]
            total[place] += np.sum(values, axis=axes, where=inside, keepdims=True)
            count[place] += np.sum(inside, axis=axes, keepdims=True)
        return total / np.maximum(count, 1)

    def _over_space(self, block: Block) -> Block:
        """The place of a block in an array whose axes of space have the length 1."""
        named = zip(self.nodes.dimensions, block, strict=True)
        return tuple(slice(None) if name in self.nodes.space else part for name, part in named)


def shown(parts: Sequence[Block], size: int) -> Iterable[Block]:
    """The blocks, with a progress bar on a terminal where there are many nodes."""
    if size < LARGE or not sys.stderr.isatty():
        return parts
    return track(parts, f"{size:,} nodes", console=Console(stderr=True), transient=True)


def in_memory(nodes: Nodes) -> Create:
    """Makes numpy arrays."""
    return lambda group, name, dtype: np.full(nodes.shape, np.nan, dtype=dtype)
