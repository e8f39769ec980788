"""VTK's XML format of unstructured grids, binary in base64; a collection of them where there is time."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from pinn.basis.disk import write_text
from pinn.basis.errors import require
from pinn.solution_file.nodes import Nodes
from pinn.solution_file.vtk import CELL_TYPES, selections

BOXES = {1: 3, 2: 8, 3: 11}
"""VTK's numbers of lines, pixels and voxels by their dimensions."""

KINDS = {"f8": "Float64", "f4": "Float32", "i8": "Int64", "u1": "UInt8"}


def write_vtu(nodes: Nodes, arrays: Mapping[str, NDArray], target: Path) -> list[Path]:
    """Write the arrays on the nodes; with time `target` with a number for each time, and a .pvd that names them.

    Arrays over parameters become one for each of their values. Raises UserError for scattered nodes.
    """
    require(
        nodes.cells is not None or not nodes.positions,
        "scattered nodes have no cells for vtu; try --to csv or --to npz",
    )
    points, cells, kind = geometry(nodes)
    times = nodes.dimensions[nodes.time] if nodes.time and nodes.space else None
    if times is None:
        write_piece(target, points, cells, kind, dict(columns(nodes, arrays)))
        return [target]
    pieces = [target.with_name(f"{target.stem}_{k:04d}.vtu") for k in range(len(times))]
    for k, piece in enumerate(pieces):
        write_piece(piece, points, cells, kind, dict(columns(nodes, arrays, k)))
    collection = target.with_suffix(".pvd")
    entries = "".join(
        f'<DataSet timestep="{float(time)!r}" file={quoteattr(piece.name)}/>\n'
        for time, piece in zip(times, pieces, strict=True)
    )
    text = f'<VTKFile type="Collection" version="0.1"><Collection>\n{entries}</Collection></VTKFile>\n'
    return [write_text(collection, text), *pieces]


def geometry(nodes: Nodes) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """The nodes in space (k, 3), the cells by their numbers, and VTK's number of their kind."""
    if nodes.cells is not None:
        places = np.stack(list(nodes.positions.values()), axis=1)
        cells, kind = nodes.cells, CELL_TYPES[nodes.cells.shape[1]]
    else:
        axes = [nodes.dimensions[name] for name in nodes.shown]  # z before y before x
        mesh = np.meshgrid(*axes, indexing="ij")
        places = np.stack([values.ravel() for values in reversed(mesh)], axis=1)
        cells, kind = grid_cells([len(axis) for axis in axes]), BOXES[len(axes)]
    return np.pad(places, ((0, 0), (0, 3 - places.shape[1]))), cells, kind


def grid_cells(shape: list[int]) -> NDArray[np.int64]:
    """The cells of a grid by the numbers of their corners, x fastest."""
    number = np.arange(int(np.prod(shape))).reshape(shape)
    corners = itertools.product((0, 1), repeat=len(shape))
    parts = [number[tuple(slice(c, size - 1 + c) for c, size in zip(corner, shape, strict=True))] for corner in corners]
    return np.stack([part.ravel() for part in parts], axis=1)


def columns(nodes: Nodes, arrays: Mapping[str, NDArray], time: int | None = None) -> Iterator[tuple[str, NDArray]]:
    """Each array at one time, and at each value of the parameters, as a column with its name."""
    for suffix, selection in selections(nodes):
        for name, values in arrays.items():
            part = values[selection] if time is None else values[selection][time]  # time comes first
            yield name.replace("/", "_") + suffix, part.ravel()


def write_piece(
    path: Path, points: NDArray[np.float64], cells: NDArray[np.int64], kind: int, data: Mapping[str, NDArray]
) -> None:
    """One unstructured grid."""
    count, corners = cells.shape
    offsets = np.arange(corners, (count + 1) * corners, corners)
    body = [
        "<PointData>",
        *(data_array(name, values) for name, values in data.items()),
        "</PointData>",
        f"<Points>{data_array('Points', points)}</Points>",
        "<Cells>",
        data_array("connectivity", cells.ravel()),
        data_array("offsets", offsets),
        data_array("types", np.full(count, kind, dtype=np.uint8)),
        "</Cells>",
    ]
    opening = '<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" header_type="UInt64">'
    piece = f'<UnstructuredGrid><Piece NumberOfPoints="{len(points)}" NumberOfCells="{count}">'
    text = "\n".join([opening, piece, *body, "</Piece></UnstructuredGrid></VTKFile>"])
    write_text(path, text + "\n")


def data_array(name: str, values: NDArray) -> str:
    """An array as an element, its bytes after their number."""
    kind = values.dtype.str[1:]
    packed = np.ascontiguousarray(values, dtype=f"<{kind}" if kind != "u1" else "u1").tobytes()
    coded = base64.b64encode(np.array([len(packed)], dtype="<u8").tobytes() + packed).decode("ascii")
    size = values.shape[1] if values.ndim > 1 else 1
    label = f'type="{KINDS[kind]}" Name={quoteattr(name)} NumberOfComponents="{size}"'
    return f'<DataArray {label} format="binary">{coded}</DataArray>'
