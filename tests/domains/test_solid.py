"""STL files, and what only surfaces of triangles have."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from shapes import box_of_triangles, uniform

from pinn.domains import STL, Solid
from pinn.domains.rays import TILTS
from pinn.domains.surfaces import distance_to_triangles

trimesh = pytest.importorskip("trimesh")


@pytest.fixture(scope="module")
def sphere():
    return trimesh.creation.icosphere(subdivisions=3)


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
def test_a_file_is_the_solid_that_was_written(tmp_path, sphere, text):
    path = tmp_path / "sphere.stl"
    path.write_bytes(trimesh.exchange.stl.export_stl_ascii(sphere).encode() if text else sphere.export(file_type="stl"))
    solid = STL(path, unit=1e-3)
    assert solid.measure == pytest.approx(1e-9 * sphere.volume, rel=1e-6)  # single precision in the file
    assert solid.side_measure("surface") == pytest.approx(1e-6 * sphere.area, rel=1e-6)
    assert solid.configuration["path"] == str(path)


def test_points_of_a_solid(sphere):
    """Inside and outside against trimesh's own count; boundary points to 1e-6 (to rounding, in fact) on its faces."""
    solid = Solid(sphere.vertices, sphere.faces)
    x = 1.2 * (2 * uniform(0)(3000, 3) - 1)
    radius = np.linalg.norm(x, axis=1)
    inner = np.abs(sphere.face_normals * sphere.triangles_center).sum(1).min()
    assert solid.contains(x[radius < inner]).all()
    assert not solid.contains(x[radius > 1]).any()
    boundary, normal = solid.boundary("surface", 2000, uniform(1))
    assert np.abs(solid.distance(boundary)).max() < 1e-12
    assert (np.sum(boundary * normal, axis=1) > 0).all()


def test_rays_through_edges_and_corners(sphere):
    """Points straight below the vertices, the edges' middles and the faces' centers, along the rays' own direction."""
    solid = Solid(sphere.vertices, sphere.faces)
    up = Rotation.from_rotvec(TILTS[0]).as_matrix()[2]
    targets = np.concatenate([sphere.vertices, sphere.vertices[sphere.edges_unique].mean(axis=1)])
    for depth in (0.3, 0.05):
        below = targets - depth * up
        clear = np.abs(np.linalg.norm(below, axis=1) - 1) > 0.02
        np.testing.assert_array_equal(solid.contains(below)[clear], np.linalg.norm(below, axis=1)[clear] < 1)


def test_a_grid_on_the_faces_of_a_box():
    """No point of a grid that shares planes with the faces is misjudged off the surface."""
    solid = Solid(*box_of_triangles(1.0, 1.0, 1.0))
    x = np.stack(np.meshgrid(*[np.linspace(-0.25, 1.25, 25)] * 3), axis=-1).reshape(-1, 3)
    beyond = np.maximum(-x, x - 1).max(axis=1)
    np.testing.assert_array_equal(solid.contains(x)[beyond != 0], beyond[beyond != 0] < 0)
    outside = np.linalg.norm(np.maximum(np.maximum(-x, x - 1), 0), axis=1)
    np.testing.assert_allclose(solid.distance(x), np.where(beyond > 0, outside, beyond), atol=1e-12)


def test_distance_among_triangles_of_very_different_sizes(sphere):
    """Many small triangles beside few large ones: as by trying each."""
    small = sphere.copy().apply_scale(0.2).apply_translation((0.5, 0.5, 2.0))
    vertices, faces = box_of_triangles(1.0, 1.0, 1.0)
    solid = Solid(np.concatenate([vertices, small.vertices]), np.concatenate([faces, small.faces + 8]))
    triangles = solid.vertices[solid.faces]
    x = np.array([0.5, 0.5, 1.0]) + 2 * (uniform(2)(60, 3) - 0.5)
    brute = [distance_to_triangles(np.repeat(p[None], len(triangles), 0), triangles).min() for p in x]
    np.testing.assert_allclose(np.abs(solid.distance(x)), brute, rtol=1e-12)


def test_patches_take_what_is_left():
    by_height = {"base": lambda z: z == 0, "low": lambda z: z < 0.9}
    solid = Solid(*box_of_triangles(1.0, 1.0, 1.0), patches=by_height)
    assert solid.sides == ("surface", "base", "low")
    assert [solid.side_measure(side) for side in solid.sides] == pytest.approx([1.0, 1.0, 4.0])
    x, normal = solid.boundary("base", 50, uniform(3))
    assert (x[:, 2] == 0).all()
    np.testing.assert_allclose(normal, np.tile([0, 0, -1.0], (50, 1)))
    x, normal = solid.moved(z=5).boundary("base", 50, uniform(3))  # a patch is of the solid, wherever that is moved
    np.testing.assert_allclose(x[:, 2], 5)
