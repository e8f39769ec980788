"""Solids inside surfaces of triangles, from arrays or an STL file."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from pinn.basis.arguments import argument_names
from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain, Shape, box_around
from pinn.domains.cells import cells_chart
from pinn.domains.charts import Chart, Estimate, box_chart
from pinn.domains.checks import checked_length, checked_name, checked_points
from pinn.domains.optional import optional
from pinn.domains.rays import Inside
from pinn.domains.similarity import Similarity
from pinn.domains.surfaces import SurfaceDistance, check_surface
from pinn.domains.triangles import enclosed_volume, scaled_normals


class Solid(Shape):
    """The inside of a closed surface of triangles.

    vertices: (v, 3). faces: (f, 3) numbers of vertices, counterclockwise seen from outside. patches: name -> a
    predicate of a triangle's center by coordinates, such as `{"base": lambda z: z < 1e-6}`; the triangles of a patch
    are a side of that name, what is left is the side `name`.

    Points inside are drawn by rejection from the bounding box. Raises UserError for a surface that has holes, is wound
    inconsistently or inside out, crosses itself or encloses nothing.
    """

    def __init__(
        self,
        vertices: ArrayLike,
        faces: ArrayLike,
        *,
        patches: Mapping[str, Callable] | None = None,
        name: str = "surface",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self._describe(3, coordinates, name)
        self.vertices = checked_points("vertices", vertices, 3)
        self.faces = np.asarray(faces)
        check_surface(self.vertices, self.faces)
        self._triangles = self.vertices[self.faces]  # (f, 3, 3)
        self._inside = Inside(self._triangles)
        self.patches = dict(patches or {})
        self._patch = self._patches()
        self.sides = tuple(side for side in (self.name, *self.patches) if (self._patch == side).any())
        self.bounds = box_around(self.coordinates, self.vertices[np.unique(self.faces)])

    def _patches(self) -> NDArray[np.str_]:
        """The side of each triangle, by name (f,)."""
        sides = np.full(len(self.faces), self.name, dtype=object)
        centers = dict(zip(self.coordinates, torch.as_tensor(self._triangles.mean(axis=1)).T, strict=True))
        for name, predicate in self.patches.items():
            asked = argument_names(predicate)
            unknown = [asks for asks in asked if asks not in centers]
            require(not unknown, f"the patch {name} asks for {', '.join(unknown)}; it may use {', '.join(centers)}")
            chosen = np.broadcast_to(np.asarray(predicate(*(centers[asks] for asks in asked)), bool), len(sides))
            free = chosen & (sides == self.name)
            require(bool(free.any()), f"the patch {name} selects no triangle")
            sides[free] = checked_name(name)
        return sides.astype(str)

    @property
    def extent(self) -> Estimate:
        """By the divergence theorem, exactly."""
        return Estimate(enclosed_volume(self._triangles), 0.0)

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self._inside(x)

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        gap = self._gap(x)
        return np.where(self.contains(x), -gap, gap)

    @cached_property
    def _gap(self) -> SurfaceDistance:
        return SurfaceDistance(self._triangles)

    def _interior_chart(self) -> Chart:
        return box_chart(self.bounds).inside(self.contains)

    def _side_chart(self, side: str) -> Chart:
        triangles = self._triangles[self._patch == side]
        normals = scaled_normals(triangles)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return cells_chart(triangles, normals / np.maximum(length, 1e-300))

    def placed(self, similarity: Similarity) -> Domain:
        if self.patches:  # their predicates are of the coordinates before
            return super().placed(similarity)
        moved = similarity.points(self.vertices).tolist()
        return Solid(moved, self.faces.tolist(), name=self.name, coordinates=self.coordinates)


class STL(Solid):
    """The solid in an STL file, binary or text: `STL("bracket.stl", unit=1e-3)` for a file in millimeters.

    unit: the length of the file's unit, > 0. patches, name: as of `Solid`. Needs trimesh. Raises UserError for a file
    that cannot be read, and as `Solid`.
    """

    opens = ("path",)

    def __init__(
        self,
        path: str | os.PathLike[str],
        unit: float = 1.0,
        *,
        patches: Mapping[str, Callable] | None = None,
        name: str = "surface",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(path)
        require(self.path.is_file(), f"there is no file {self.path}")
        try:
            mesh = optional("trimesh").load_mesh(self.path, file_type="stl")
        except UserError:
            raise
        except Exception as error:  # whatever a reader of foreign files raises
            raise UserError(f"{self.path} cannot be read as STL: {error}") from error
        require(len(mesh.faces) > 0, f"{self.path} holds no triangles")
        faces = mesh.faces  # with equal vertices made one, edges that were shorter than rounding have collapsed
        whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
        vertices = checked_length("unit", unit) * np.asarray(mesh.vertices)
        super().__init__(vertices, np.asarray(faces)[whole], patches=patches, name=name, coordinates=coordinates)
