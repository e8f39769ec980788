"""The references on domains with holes and corners against finite elements, which share nothing with them."""

import numpy as np
from finite_elements import mesh_of, poisson
from sampled import uniform_points

from pinn.problems import PoissonHoles, PoissonLshape


def test_finite_elements_agree_around_holes():
    """On meshes with straight edges the holes are off by h^2: the difference falls as fast, to 1e-3."""
    problem = PoissonHoles()
    errors = []
    for resolution in (24, 48):
        mesh = mesh_of(problem.domain, resolution)
        solution = poisson(mesh, 0.0, lambda x: 1.0 * (np.abs(x).max(axis=0) > 0.5 - 1e-9))
        x = mesh.p[:, mesh.t].mean(axis=1).T  # the middles of the cells
        errors.append(np.sqrt(np.mean((solution(x) - problem.reference(*x.T)) ** 2)))
    assert 2.5 < errors[0] / errors[1] < 6
    assert errors[1] < 2e-3


def test_finite_elements_agree_around_a_corner():
    """Quadratic elements, refined eight times towards the reentrant corner: 5e-5 on average, u being up to 0.149."""
    problem = PoissonLshape()
    mesh = mesh_of(problem.domain, 24)
    for k in range(8):
        near = np.linalg.norm(mesh.p[:, mesh.t].mean(axis=1), axis=0) < 0.5 * 0.6**k
        mesh = mesh.refined(np.flatnonzero(near))
    x = uniform_points(problem, 300)
    error = np.abs(poisson(mesh, 1.0, lambda x: 0 * x[0])(x) - problem.reference(*x.T))
    assert np.sqrt(np.mean(error**2)) < 5e-5
    assert np.median(error) < 1e-5
