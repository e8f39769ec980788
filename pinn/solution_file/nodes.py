"""Where a solution is sampled for its file: a regular grid, a mesh, or scattered nodes; with or without time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Block = tuple[slice, ...]
"""A part of an array, one slice a dimension."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of a solution file: the product of its dimensions.

    Args:
        dimensions: their names in the file's order, time first and x last, with each one's values (k,).
        positions: coordinate -> values (k,) along the dimension `node`, where space is no grid.
        time: the name of the time dimension, or None.
        parameters: the names of the dimensions that are parameters of the equation.
        cells: the simplices (c, 2 to 4) of a mesh by the numbers of their nodes; None for grids and scattered nodes.
        inside: whether a node lies in the domain, of the shape of the arrays; None where all do.
        beyond: how far a node lies beyond the domain's border, negative inside, of that shape; None where not known.
    """

    dimensions: dict[str, NDArray[np.float64] | NDArray[np.int64]]
    positions: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    time: str | None = None
    parameters: tuple[str, ...] = ()
    cells: NDArray[np.int64] | None = None
    inside: NDArray[np.bool_] | None = None
    beyond: NDArray[np.float32] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of nodes along each dimension."""
        return tuple(len(values) for values in self.dimensions.values())

    @property
    def size(self) -> int:
        """The number of all nodes."""
        return int(np.prod(self.shape))

    @property
    def axes(self) -> dict[str, NDArray]:
        """The values (k,) of each coordinate: those along its own dimension, or those along `node`."""
        return {name: values for name, values in self.dimensions.items() if name != "node"} | self.positions

    @property
    def space(self) -> tuple[str, ...]:
        """The dimensions other than time and parameters, in the file's order."""
        return tuple(name for name in self.dimensions if name != self.time and name not in self.parameters)

    @property
    def shown(self) -> tuple[str, ...]:
        """The dimensions that an image of a grid has: those of space; time where there is no space."""
        return self.space or tuple(name for name in self.dimensions if name not in self.parameters)

    def points(self, coordinates: Sequence[str], block: Block | None = None) -> NDArray[np.float64]:
        """The nodes of a block, or all (n, d), a column a coordinate, numbered as the flattened arrays of the file."""
        block = block or (slice(None),) * len(self.dimensions)
        cuts = dict(zip(self.dimensions, block, strict=True))
        shape = tuple(len(values[cuts[name]]) for name, values in self.dimensions.items())
        points = np.empty((*shape, len(coordinates)))
        for column, name in enumerate(coordinates):
            dimension = "node" if name in self.positions else name
            along = [-1 if other == dimension else 1 for other in self.dimensions]
            points[..., column] = self.axes[name][cuts[dimension]].reshape(along)
        return points.reshape(-1, len(coordinates))

    def dimensions_of(self, coordinates: Sequence[str]) -> tuple[str, ...]:
        """The dimensions along which a function of some coordinates changes."""
        seen = {"node" if name in self.positions else name for name in coordinates}
        return tuple(name for name in self.dimensions if name in seen)

    def chunk(self, entries: int) -> tuple[int, ...]:
        """The shape of a file's chunks: a slice in time and parameters, or a part of one above `entries`."""
        sizes = zip(self.dimensions, self.shape, strict=True)
        kept = [1 if self.space and name not in self.space else size for name, size in sizes]
        return tuple(piece.stop - piece.start for piece in next(blocks(kept, entries)))


def blocks(shape: Sequence[int], entries: int) -> Iterator[Block]:
    """Cut an array of that shape, in its order, into contiguous blocks of at most `entries`, or of one last row."""
    rows = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]  # entries in one index of each axis
    axis = next((axis for axis, row in enumerate(rows) if row <= entries), len(shape) - 1)
    step = max(1, entries // rows[axis])
    whole = tuple(slice(0, size) for size in shape[axis + 1 :])
    for leading in np.ndindex(*shape[:axis]):
        for start in range(0, shape[axis], step):
            stop = min(start + step, shape[axis])
            yield (*(slice(k, k + 1) for k in leading), slice(start, stop), *whole)
