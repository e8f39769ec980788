"""The formats to which a solution file can be exported, by their suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from pinn.basis.disk import replacing
from pinn.basis.errors import require
from pinn.solution.export.program import write_program
from pinn.solution.export.vtu import write_vtu
from pinn.solution_file.reading import PathLike, locate, read
from pinn.solution_file.soundness import understood

Writer = Callable[[Path, Path, bool], list[Path]]
"""A solution file, the file to be written, and `trust` as of `pinn.load`, to the paths that were written."""


def export(
    solution: PathLike,
    to: str,
    target: PathLike | None = None,
    *,
    trust: bool = False,
) -> list[Path]:
    """Write a saved solution in another format; returns the paths that were written.

    Args:
        solution: a solution file or its run's folder.
        to: `csv` (a row a node), `npz` (an array a name), `vtu` (for ParaView and meshio; with time a file a time and
            a .pvd), `pt2` (a torch.export program of the fields).
        target: the file; default `solution.<to>` beside the solution file.
        trust: as of `pinn.load`; a program is made from the problem and the network, which may be the user's own.

    Raises:
        UserError: the solution cannot be read or does not fit the format, the format is unknown, or the target cannot
            be written.
    """
    require(to in FORMATS, f"cannot export to {to!r}; the formats are {', '.join(FORMATS)}")
    path = locate(solution)
    target = path.with_suffix(f".{to}") if target is None else Path(target)
    with understood(path):
        return FORMATS[to](path, target, trust)


def write_csv(path: Path, target: Path, trust: bool) -> list[Path]:
    """A row a node: its coordinates, then all arrays."""
    contents = read(path)
    points = contents.nodes.points(contents.coordinates)
    arrays = contents.on_nodes()
    header = ",".join([*contents.coordinates, *arrays])
    columns = [*points.T, *(values.ravel() for values in arrays.values())]
    with replacing(target) as temporary:
        np.savetxt(temporary, np.column_stack(columns), delimiter=",", header=header, comments="", fmt="%.17g")
    return [target]


def write_npz(path: Path, target: Path, trust: bool) -> list[Path]:
    """An array a name: the coordinates, the fields, `error/u` and so on; `cells` of a mesh."""
    contents = read(path)
    arrays = contents.nodes.axes | contents.on_nodes()
    if contents.nodes.cells is not None:
        arrays["cells"] = contents.nodes.cells
    with replacing(target) as temporary, open(temporary, "wb") as file:  # savez would add a suffix to a name
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return [target]


def write_mesh(path: Path, target: Path, trust: bool) -> list[Path]:
    """VTK's unstructured grid."""
    contents = read(path)
    return write_vtu(contents.nodes, contents.on_nodes(), target)


FORMATS: Mapping[str, Writer] = {"vtu": write_mesh, "csv": write_csv, "npz": write_npz, "pt2": write_program}
