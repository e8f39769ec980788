"""Where a solution is sampled for its file: a regular grid, or scattered nodes in many dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pinn.errors import require

GRID_MAX_SPACE = 3
"""Boxes of more space dimensions than this are sampled at scattered nodes."""

STEADY_RESOLUTION = {1: 1001, 2: 129, 3: 33}
UNSTEADY_RESOLUTION = {1: (257, 101), 2: (65, 21), 3: (33, 11)}
"""Default nodes along each space coordinate (and, in time, along time) by the number of space dimensions."""

TIME_ONLY_RESOLUTION = 1001
CLOUD_RESOLUTION = (4096, 11)
"""Default number of scattered nodes and of the times at which each is taken."""

CLOUD_SEED = 20240229
"""Seed of the scattered nodes: the same nodes for every run of a problem, so that their errors compare."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of a solution file: the product of its dimensions.

    `dimensions` names them in the file's order, time first and x last, with each one's values (k,).
    `positions` is empty on a grid; scattered nodes have the dimension `node` and there the position (k,) of
    each coordinate. `time` is the name of the time dimension, or None.
    """

    dimensions: dict[str, NDArray[np.float64] | NDArray[np.int64]]
    positions: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    time: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of nodes along each dimension."""
        return tuple(len(values) for values in self.dimensions.values())

    @property
    def axes(self) -> dict[str, NDArray]:
        """The values (k,) of each coordinate: those along its own dimension, or those along `node`."""
        return {name: values for name, values in self.dimensions.items() if name != "node"} | self.positions

    @property
    def space(self) -> tuple[str, ...]:
        """The dimensions other than time, in the file's order."""
        return tuple(name for name in self.dimensions if name != self.time)

    def points(self, coordinates: Sequence[str]) -> NDArray[np.float64]:
        """All nodes (n, d), one column a coordinate, numbered as the flattened arrays of the file are."""
        columns = []
        for name in coordinates:
            dimension = "node" if name in self.positions else name
            values = self.axes[name]
            shape = [len(values) if other == dimension else 1 for other in self.dimensions]
            columns.append(np.broadcast_to(values.reshape(shape), self.shape).reshape(-1))
        return np.stack(columns, axis=1)


def make_nodes(
    coordinates: Sequence[str],
    bounds: Mapping[str, tuple[float, float]],
    time: str | None,
    resolution: int | Mapping[str, int] | None = None,
) -> Nodes:
    """The nodes of a box with these `bounds`: a grid up to three space dimensions, scattered nodes above.

    Args:
        coordinates: the names, time (if any) last.
        bounds: lowest and highest value of each coordinate.
        time: the name of the time coordinate, or None.
        resolution: nodes along every dimension, or by its name (`node` counts the scattered ones), at least
            2; None chooses numbers that keep the file below a few MB.

    Raises:
        UserError: a resolution below 2, or for a name that is no dimension.
    """
    space = [name for name in coordinates if name != time]
    scattered = len(space) > GRID_MAX_SPACE
    names = ([time] if time else []) + (["node"] if scattered else space[::-1])
    counts = default_counts(names, time, len(space))
    counts |= chosen_counts(names, resolution)
    if not scattered:
        return Nodes({name: np.linspace(*bounds[name], counts[name]) for name in names}, time=time)
    dimensions: dict[str, NDArray] = {name: np.linspace(*bounds[name], counts[name]) for name in names[:-1]}
    dimensions["node"] = np.arange(counts["node"])
    return Nodes(dimensions, scattered_positions({name: bounds[name] for name in space}, counts["node"]), time)


def default_counts(names: Sequence[str], time: str | None, space: int) -> dict[str, int]:
    """The default number of nodes along each of `names`, by the number of space dimensions."""
    if space > GRID_MAX_SPACE:
        along_space, along_time = CLOUD_RESOLUTION
    elif space == 0:
        along_space, along_time = 0, TIME_ONLY_RESOLUTION
    elif time:
        along_space, along_time = UNSTEADY_RESOLUTION[space]
    else:
        along_space, along_time = STEADY_RESOLUTION[space], 0
    return {name: along_time if name == time else along_space for name in names}


def chosen_counts(names: Sequence[str], resolution: int | Mapping[str, int] | None) -> dict[str, int]:
    """The part of the resolution that the user chose, checked."""
    if resolution is None:
        return {}
    if not isinstance(resolution, Mapping):
        resolution = dict.fromkeys(names, resolution)
    for name, count in resolution.items():
        require(name in names, f"output.resolution names {name!r}; the dimensions are {', '.join(names)}")
        whole = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
        require(whole and count >= 2, f"output.resolution must be a whole number >= 2, got {count!r} for {name}")
    return {name: int(count) for name, count in resolution.items()}


def scattered_positions(bounds: Mapping[str, tuple[float, float]], count: int) -> dict[str, NDArray[np.float64]]:
    """Scrambled Sobol positions in a box: the coordinate's name -> (count,)."""
    import torch  # here and not above, so that a file can be shown without torch

    lowest, highest = np.array(list(bounds.values()), dtype=np.float64).T
    sequence = torch.quasirandom.SobolEngine(len(bounds), scramble=True, seed=CLOUD_SEED)
    unit = sequence.draw(count, dtype=torch.float64).numpy()  # (count, d)
    positions = lowest + (highest - lowest) * unit
    return {name: positions[:, index].copy() for index, name in enumerate(bounds)}
