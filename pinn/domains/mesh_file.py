"""Meshes from files of other programs."""

import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.domains.checks import checked_length
from pinn.domains.mesh import Mesh
from pinn.domains.optional import optional

GROUPS = ("gmsh:physical", "CellEntityIds", "medit:ref", "cell_tags")
"""Cell data by which gmsh, its vtk files, Medit and Salome number the groups."""

FLATNESS = 1e-9  # of the size: by how much a plane mesh may leave a plane z = constant

Names = dict[tuple[int, int], str]  # (dimension, number) -> name


class MeshFile(Mesh):
    """The mesh in a file: `MeshFile("part.msh")`, .vtu, .vtk, .msh and what else pyvista reads.

    Its cells of the highest dimension are cut into simplices; a plane mesh lies in z = constant. Groups of facets
    become sides, those of cells parts.

    unit: the length of the file's unit, > 0. groups: the cell data that number the groups, None for those of gmsh and
    others that are known; 0 is no group. names: of groups, such as `{"inlet": 3}`, over those in the file; a group
    without one is called by its number, "3". name: of the boundary in no group. Needs pyvista. Raises UserError for a
    file that cannot be read, and as `Mesh`.
    """

    opens = ("path",)

    def __init__(
        self,
        path: str | os.PathLike[str],
        unit: float = 1.0,
        *,
        groups: str | None = None,
        names: Mapping[str, int] | None = None,
        name: str = "mesh",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(path)
        grid, named = _read(self.path)
        dimensions = _dimensions(grid)
        d = int(dimensions.max(initial=0))
        require(d >= 2, f"{self.path} holds no cells of two or three dimensions")
        nodes = checked_length("unit", unit) * _points(grid, d, self.path)
        numbers = _numbers(grid, groups, self.path)
        named |= {(k, number): word for word, number in (names or {}).items() for k in (d - 1, d)}
        strange = [f"{number}" for number in (names or {}).values() if number not in numbers]
        known = ", ".join(map(str, np.unique(numbers[numbers != 0]))) or "none"
        require(not strange, f"no group {', '.join(strange)} in {self.path}; the groups' numbers are {known}")
        cells, of_cell = _simplices(grid, np.flatnonzero(dimensions == d), d)
        facets, of_facet = _corner_sets(grid, np.flatnonzero(dimensions == d - 1), d)
        super().__init__(
            nodes,
            cells,
            facets={word: facets[rows] for word, rows in _by_name(numbers[of_facet], d - 1, named).items()},
            parts=_by_name(numbers[of_cell], d, named),
            name=name,
            coordinates=coordinates,
        )


def _read(path: Path) -> tuple[Any, Names]:
    """The file's cells, and the names of groups that it holds."""
    require(path.is_file(), f"there is no file {path}")
    pyvista = optional("pyvista", "meshes")
    named: Names = {}
    try:
        if path.suffix == ".msh":  # pyvista reads it by meshio, too, and forgets the names
            with redirect_stdout(None):  # where meshio prints empty lines
                read = optional("meshio", "meshes").read(path)
            named = {(int(d), int(number)): name for name, (number, d) in read.field_data.items()}
            grid = pyvista.from_meshio(read)
        else:
            grid = pyvista.read(path)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # whatever a reader of foreign files raises; meshio exits
        raise UserError(f"{path} cannot be read as a mesh: {error}") from error
    if isinstance(grid, pyvista.MultiBlock):
        grid = grid.combine(merge_points=True)
    return grid.cast_to_unstructured_grid(), named


def _dimensions(grid: Any) -> NDArray[np.intp]:
    """Of each cell."""
    types = np.asarray(grid.celltypes)
    kinds, kind = np.unique(types, return_inverse=True)
    of_kind = [grid.get_cell(int(np.argmax(types == kind))).dimension for kind in kinds]
    return np.array(of_kind, dtype=np.intp)[kind.reshape(-1)]


def _points(grid: Any, d: int, path: Path) -> NDArray[np.float64]:
    """The nodes (k, d)."""
    points = np.asarray(grid.points, dtype=np.float64)
    if d == 2:
        flat = np.ptp(points[:, 2]) <= FLATNESS * np.ptp(points, axis=0).max()
        hint = "a plane mesh lies in z = constant; of a closed surface pinn.STL makes a solid"
        require(bool(flat), f"{path} holds a surface in space: {hint}")
    return points[:, :d]


def _numbers(grid: Any, groups: str | None, path: Path) -> NDArray[np.intp]:
    """The number of each cell's group, 0 for none."""
    there = list(grid.cell_data.keys())
    known = groups is None or groups in there
    require(known, f"{path} has no cell data {groups!r}; it has {', '.join(there) or 'none'}")
    found = groups or next((name for name in GROUPS if name in there), None)
    if found is None:
        return np.zeros(grid.n_cells, dtype=np.intp)
    numbers = np.asarray(grid.cell_data[found])
    whole = numbers.ndim == 1 and bool((numbers == np.round(numbers)).all())
    require(whole, f"the cell data {found!r} of {path} must be one whole number a cell")
    return numbers.astype(np.intp)


def _simplices(grid: Any, chosen: NDArray[np.intp], d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The chosen cells cut into simplices (c, d + 1), and of which cell each is."""
    cut = grid.extract_cells(chosen)
    cut.cell_data["cell"] = chosen
    back = np.asarray(cut.point_data["vtkOriginalPointIds"], dtype=np.intp)
    cut = cut.triangulate()
    cells = np.asarray(cut.cells_dict[{2: 5, 3: 10}[d]], dtype=np.intp)  # vtk's triangles and tetrahedra
    return back[cells], np.asarray(cut.cell_data["cell"], dtype=np.intp)


def _corner_sets(grid: Any, chosen: NDArray[np.intp], d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of each chosen facet all choices (f, d) of d corners, and of which facet each is.

    Whichever way a quadrilateral is cut along with the cell behind it, its triangles are among them.
    """
    sets = [(picked, i) for i in chosen.tolist() for picked in combinations(grid.get_cell(i).point_ids, d)]
    if not sets:
        return np.empty((0, d), dtype=np.intp), np.empty(0, dtype=np.intp)
    picked, owner = zip(*sets, strict=True)
    return np.array(picked, dtype=np.intp), np.array(owner, dtype=np.intp)


def _by_name(numbers: NDArray[np.intp], d: int, named: Names) -> dict[str, NDArray[np.intp]]:
    """Of each group of that dimension, by its name, which rows are in it."""
    groups: dict[str, list[NDArray[np.intp]]] = {}
    for number in np.unique(numbers[numbers != 0]).tolist():
        groups.setdefault(named.get((d, number), str(number)), []).append(np.flatnonzero(numbers == number))
    return {name: np.concatenate(rows) for name, rows in groups.items()}
