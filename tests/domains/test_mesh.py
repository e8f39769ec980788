"""Meshes: from arrays, from files of other programs, and an equation solved on one."""

from functools import partial

import numpy as np
import pytest
from shapes import mesh_of_box, uniform
from torch import exp, sin

import pinn
from pinn.basis.errors import UserError
from pinn.networks.random_features import RandomFeatures
from pinn.optimizers.linear import LinearLeastSquares
from pinn.sampling.sequences import SobolSampler

pyvista = pytest.importorskip("pyvista")
meshio = pytest.importorskip("meshio")

SQUARE = np.array([(0.0, 0.0), (1, 0), (1, 1), (0, 1)])


def test_parts_meet_on_named_facets():
    """Two triangles of a square, the diagonal a group: none of the whole's sides, but one of each part's."""
    facets, parts = {"cut": [(0, 2)], "floor": [(1, 0)]}, {"below": [0], "above": [1]}
    mesh = pinn.Mesh(SQUARE, [(0, 1, 2), (0, 2, 3)], facets=facets, parts=parts, name="rim")
    assert mesh.sides == ("rim", "floor")
    assert mesh.part("below").sides == ("rim", "cut", "floor")
    assert mesh.part("above").sides == ("rim", "cut")
    _, normal = mesh.part("above").boundary("cut", 3, uniform(0))
    np.testing.assert_allclose(normal, np.tile([0.5**0.5, -(0.5**0.5)], (3, 1)), atol=1e-15)
    with pytest.raises(UserError, match="no part 'left'; the parts are below, above"):
        mesh.part("left")


def test_nodes_of_equal_coordinates_are_one():
    mesh = pinn.Mesh(SQUARE[[0, 1, 2, 0, 2, 3]], [(0, 1, 2), (3, 4, 5)])
    assert mesh.side_measure("mesh") == pytest.approx(4, rel=1e-15)


@pytest.mark.parametrize(
    ("nodes", "cells", "message"),
    [
        (SQUARE, [(0, 1, 4)], "cells must number 4 nodes from 0, got 0 to 4"),
        (SQUARE, [(0, 1)], r"cells must be numbers of nodes \(k, 3\)"),
        ([(0, 0), (1, 1), (2, 2)], [(0, 1, 2)], "1 cells of the mesh are flat"),
        ([(0, 0), (1, 0), (0, 1), (1, 1), (2, 1)], [(0, 1, 2), (0, 1, 3), (0, 1, 4)], "belongs to 3 cells"),
    ],
)
def test_what_is_no_mesh_is_told(nodes, cells, message):
    with pytest.raises(UserError, match=message):
        pinn.Mesh(nodes, cells)


def test_distance_is_the_smallest_over_the_facets():
    """Against 20,000 points of the boundary, whose gaps of 5e-4 leave the distance of a point too large by less."""
    mesh = mesh_of_box(4, 1.0, 2.0)
    dense = np.concatenate([mesh.boundary(side, 10_000, uniform(1))[0] for side in mesh.sides])
    x = np.array([-0.5, -0.5]) + np.array([2, 3]) * uniform(2)(200, 2)
    smallest = np.array([np.linalg.norm(dense - point, axis=1).min() for point in x])
    excess = smallest - np.abs(mesh.distance(x))
    assert excess.min() > -1e-13
    assert excess.max() < 3e-3  # random points: the widest gap is about ten times the mean


def grid_with_groups(of_nodes, cells, group) -> "pyvista.UnstructuredGrid":
    grid = pyvista.UnstructuredGrid(cells, np.asarray(of_nodes, dtype=float))
    grid.cell_data["group"] = group
    return grid


@pytest.fixture(scope="module")
def channel(tmp_path_factory):
    """Eight quadrilaterals of [0, 2] x [0, 1], in millimeters, and the edges of its ends: groups 5, 1 and 2."""
    x, y = np.meshgrid(np.linspace(0, 2, 5), np.linspace(0, 1, 3), indexing="ij")
    nodes = 1000 * np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3)
    quads = [(3 * i + j, 3 * i + 3 + j, 3 * i + 4 + j, 3 * i + 1 + j) for i in range(4) for j in range(2)]
    lines = [(0, 1), (1, 2), (12, 13), (13, 14)]
    cells = {pyvista.CellType.LINE: np.array(lines), pyvista.CellType.QUAD: np.array(quads)}
    path = tmp_path_factory.mktemp("mesh") / "channel.vtu"
    grid_with_groups(nodes, cells, [1, 1, 2, 2, *[5] * 8]).save(path)
    return path


def test_quadrilaterals_and_groups_of_a_file(channel):
    mesh = pinn.MeshFile(channel, unit=1e-3, groups="group", names={"inlet": 1})
    assert mesh.sides == ("mesh", "inlet", "2")
    assert [mesh.side_measure(side) for side in mesh.sides] == pytest.approx([4, 1, 1], rel=1e-14)
    assert len(mesh.cells) == 16
    assert mesh.part("5").measure == pytest.approx(2, rel=1e-14)
    assert mesh.configuration["path"] == str(channel)
    with pytest.raises(UserError, match=r"no cell data 'tags'; it has group"):
        pinn.MeshFile(channel, groups="tags")
    with pytest.raises(UserError, match=r"no group 9 in .*; the groups' numbers are 1, 2, 5"):
        pinn.MeshFile(channel, groups="group", names={"inlet": 9})


def test_hexahedra_with_quadrilateral_faces(tmp_path):
    """However the filter cuts a cube into tetrahedra, its face of a group is found whole."""
    grid = pyvista.ImageData(dimensions=(3, 3, 3), spacing=(0.5, 0.5, 0.5)).cast_to_unstructured_grid()
    top = np.flatnonzero(grid.points[:, 2] == 1).reshape(3, 3)
    faces = [(top[i, j], top[i + 1, j], top[i + 1, j + 1], top[i, j + 1]) for i in range(2) for j in range(2)]
    hexahedra = grid.cells_dict.get(12)
    if hexahedra is None:  # older: voxels, whose corners go row by row
        hexahedra = grid.cells_dict[11][:, [0, 1, 3, 2, 4, 5, 7, 6]]
    cells = {pyvista.CellType.QUAD: np.array(faces), pyvista.CellType.HEXAHEDRON: hexahedra}
    path = tmp_path / "cube.vtk"
    grid_with_groups(grid.points, cells, [3] * 4 + [0] * 8).save(path)
    mesh = pinn.MeshFile(path, groups="group", names={"lid": 3})
    assert mesh.measure == pytest.approx(1, rel=1e-14)
    assert mesh.side_measure("lid") == pytest.approx(1, rel=1e-14)
    assert mesh.side_measure("mesh") == pytest.approx(5, rel=1e-14)
    assert not mesh.parts


def test_curved_cells_are_cut_at_their_middle_nodes(tmp_path):
    """Triangles and tetrahedra of second order become those between their corners and middles."""
    nodes = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0.5, -0.1, 0), (0.6, 0.6, 0), (0, 0.5, 0)]
    cells = {pyvista.CellType.QUADRATIC_EDGE: np.array([[0, 1, 3]]), pyvista.CellType.QUADRATIC_TRIANGLE: [range(6)]}
    grid_with_groups(nodes, {kind: np.array(rows) for kind, rows in cells.items()}, [1, 0]).save(tmp_path / "a.vtu")
    mesh = pinn.MeshFile(tmp_path / "a.vtu", groups="group", names={"floor": 1})
    assert mesh.measure == pytest.approx(0.5 + 0.05 + 0.1, rel=1e-14)
    assert mesh.side_measure("floor") == pytest.approx(2 * np.hypot(0.5, 0.1), rel=1e-14)
    corners = np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    middles = [(corners[i] + corners[j]) / 2 for i, j in ((0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3))]
    cell = {pyvista.CellType.QUADRATIC_TETRA: np.arange(10)[None]}
    grid_with_groups([*corners, *middles], cell, [1]).save(tmp_path / "b.vtu")
    mesh = pinn.MeshFile(tmp_path / "b.vtu")
    assert mesh.measure == pytest.approx(1 / 6, rel=1e-14)
    assert mesh.side_measure("mesh") == pytest.approx(1.5 + 0.75**0.5, rel=1e-14)


def test_names_of_a_msh_file(tmp_path):
    """Numbers go by dimension: an edge and a triangle of group 1 are different groups."""
    physical = [np.array([1]), np.array([1, 2])]
    mesh = meshio.Mesh(
        np.column_stack([SQUARE, np.zeros(4)]),
        [("line", [(0, 3)]), ("triangle", [(0, 1, 2), (0, 2, 3)])],
        cell_data={"gmsh:physical": physical, "gmsh:geometrical": physical},
        field_data={"inlet": np.array([1, 1]), "steel": np.array([1, 2]), "air": np.array([2, 2])},
    )
    path = tmp_path / "square.msh"
    meshio.write(path, mesh, file_format="gmsh22", binary=False)
    read = pinn.MeshFile(path)
    assert read.sides == ("mesh", "inlet")
    x, normal = read.boundary("inlet", 4, uniform(3))
    assert (x[:, 0] == 0).all()
    np.testing.assert_allclose(normal, np.tile([-1.0, 0.0], (4, 1)), atol=1e-15)
    assert {part: read.part(part).measure for part in read.parts} == {"steel": 0.5, "air": 0.5}


def test_a_surface_in_space_is_none(tmp_path):
    pyvista.Sphere().save(tmp_path / "sphere.vtk")
    with pytest.raises(UserError, match=r"holds a surface in space: .* pinn\.STL"):
        pinn.MeshFile(tmp_path / "sphere.vtk")
    with pytest.raises(UserError, match="there is no file"):
        pinn.MeshFile(tmp_path / "none.vtu")
    (tmp_path / "text.msh").write_text("no mesh")
    with pytest.raises(UserError, match="cannot be read as a mesh"):
        pinn.MeshFile(tmp_path / "text.msh")


class OnMesh(pinn.Problem):
    """lap u = 0 with the flow through the inlet and u elsewhere; u = exp(x) sin(y)."""

    def __init__(self, path: str) -> None:
        self.domain = pinn.MeshFile(path, unit=1e-3, groups="group", names={"inlet": 1, "outlet": 2})
        self.fields = ("u",)

    def terms(self):
        return {
            "laplace": pinn.Interior(lambda laplacian_u: laplacian_u),
            "inlet": pinn.Neumann(u=lambda x, y: -exp(x) * sin(y), on="inlet"),
            "rest": pinn.Dirichlet(u=self.exact, on=("outlet", "mesh")),
        }

    def exact(self, x, y):
        return exp(x) * sin(y)


def test_laplace_on_a_mesh(channel):
    """The error is 6e-13; 1e-9 leaves room for other machines and is far below that of wrong normals."""
    solution = pinn.solve(
        OnMesh(str(channel)),
        partial(RandomFeatures, width=200, scale=4.0),
        optimizer=LinearLeastSquares(),
        sampler=SobolSampler(interior=600, boundary=60),
        training=pinn.Training(steps=2),
        output=pinn.Output(figures=False, resolution=9, estimate=False),
        compile="never",
    )
    assert solution.errors()["u"]["relative_l2"] < 1e-9
