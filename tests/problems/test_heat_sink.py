"""The heat sink: its solid, its reference against finite elements of other kind, and solids from STL files."""

import numpy as np
import pytest
from finite_elements import skfem
from sampled import uniform_points

import pinn
from pinn.problems import HeatSink
from pinn.problems.heat_sink import finned_temperature, is_sink
from pinn.solution.results import reference_evaluation

trimesh = pytest.importorskip("trimesh")


def test_the_solid_is_a_plate_with_three_fins():
    domain = HeatSink().domain
    assert domain.measure == pytest.approx(0.5 * (1.0 * 0.2 + 3 * 0.2 * 0.6))
    assert domain.side_measure("base") == pytest.approx(0.5)
    comb = 1.0 * 0.2 + 3 * 0.2 * 0.6
    outline = 2 * 0.2 + 3 * (2 * 0.6 + 0.2) + 2 * 0.2
    assert domain.side_measure("air") == pytest.approx(2 * comb + 0.5 * outline)
    x = uniform_points(HeatSink(), 500)
    assert is_sink(x).all()


def test_heat_flows_out_as_it_flows_in():
    """B times the integral of u over the air's side is the flux through the base: to the reference's 1e-3."""
    problem = HeatSink(biot=0.5, heat_flux=2.0)
    (out,) = problem.results()["heat"].reading(problem.domain, reference_evaluation(problem)).values
    assert out == pytest.approx(2.0 * 0.5, rel=3e-3)


def test_the_reference_converges():
    """Cubes twice as large change it by 2e-3: of order h^(4/3) at the edges that the extrapolation does not meet."""
    x = uniform_points(HeatSink(), 1000)
    coarse, fine = finned_temperature(1.0, 0.025)(x), finned_temperature(1.0, 0.0125)(x)
    assert np.linalg.norm(coarse - fine) < 2e-3 * np.linalg.norm(fine)


@pytest.mark.slow
def test_finite_elements_of_another_kind_agree():
    """Quadratic tetrahedra of edges of 0.05: to 3e-3, of which the reference may have 1e-3."""
    from skfem.helpers import dot, grad

    problem = HeatSink()
    mesh = skfem.MeshTet.init_tensor(np.linspace(0, 1, 21), np.linspace(0, 0.5, 11), np.linspace(0, 0.8, 17))
    mesh = mesh.restrict(np.flatnonzero(is_sink(mesh.p[:, mesh.t].mean(axis=1).T)))
    basis = skfem.Basis(mesh, skfem.ElementTetP2())
    matrix = skfem.BilinearForm(lambda u, v, w: dot(grad(u), grad(v))).assemble(basis)
    at_base = mesh.facets_satisfying(lambda x: np.isclose(x[2], 0), boundaries_only=True)
    at_air = np.setdiff1d(mesh.boundary_facets(), at_base)
    air = skfem.FacetBasis(mesh, skfem.ElementTetP2(), facets=at_air)
    matrix = matrix + skfem.BilinearForm(lambda u, v, w: u * v).assemble(air)
    base = skfem.FacetBasis(mesh, skfem.ElementTetP2(), facets=at_base)
    u = skfem.solve(matrix, skfem.LinearForm(lambda v, w: 1.0 * v).assemble(base))
    x = mesh.p[:, mesh.t].mean(axis=1).T[::7]
    found = basis.probes(x.T) @ u
    reference = problem.reference(*x.T)
    assert np.linalg.norm(found - reference) < 3e-3 * np.linalg.norm(reference)


def test_a_few_steps_of_the_default_settings():
    """Thirty steps of a small network on few points: 5 %, of which 1 % is left after a minute of the full one."""
    words = ["problem=heat_sink", "training.steps=30", "sampler.interior=400", "sampler.boundary=200"]
    words += ["network.width=12", "output.figures=false", "output.resolution=8", "training.held_out=200"]
    assert pinn.solve(**pinn.configured(*words)).errors()["u"]["relative_l2"] < 0.05


def test_a_solid_from_a_file(tmp_path):
    """A disc in millimeters, written here: what flows in at the base flows out, to 5 % after a few seconds."""
    path = tmp_path / "disc.stl"
    trimesh.creation.cylinder(radius=500.0, height=200.0, sections=24).export(path)
    words = ["problem=heat_sink", f"problem.stl={path}", "problem.unit=1e-3", "training.steps=25"]
    words += ["network.width=12", "sampler.interior=400", "sampler.boundary=200", "training.held_out=200"]
    solution = pinn.solve(**pinn.configured(*words, "output.resolution=8", "output.figures=false"))
    problem = solution.problem
    assert problem.truth_kind is None
    assert set(problem.domain.sides) == {"air", "base"}
    rule = problem.domain.boundary_rule("air", 2000)
    out = rule.weights @ solution(**dict(zip("xyz", rule.points.T, strict=True)))
    assert out == pytest.approx(problem.domain.side_measure("base"), rel=0.05)
