"""Solutions by scikit-fem on the meshes of domains: references that share nothing with the solver."""

from collections.abc import Callable

import numpy as np
import pytest

from pinn.domains import Domain

skfem = pytest.importorskip("skfem")


def mesh_of(domain: Domain, resolution: int):
    """The domain's own mesh for scikit-fem."""
    nodes, cells = domain.mesh(resolution)
    kind = skfem.MeshTri if nodes.shape[1] == 2 else skfem.MeshTet
    return kind(np.ascontiguousarray(nodes.T), np.ascontiguousarray(cells.T))


def poisson(mesh, load: float, boundary: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """-lap u = load by quadratic elements, u = boundary(x (2, k)) on the boundary: a function of points (n, 2)."""
    from skfem.helpers import dot, grad

    basis = skfem.Basis(mesh, skfem.ElementTriP2())
    matrix = skfem.BilinearForm(lambda u, v, w: dot(grad(u), grad(v))).assemble(basis)
    right = skfem.LinearForm(lambda v, w: load * v).assemble(basis)
    edge = basis.get_dofs()
    u = np.zeros(basis.N)
    u[edge] = boundary(basis.doflocs[:, edge.flatten()])
    u = skfem.solve(*skfem.condense(matrix, right, x=u, D=edge))
    return lambda x: basis.probes(x.T) @ u
