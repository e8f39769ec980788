"""Eigenvalue problems: recognized by their residuals, and started from an eigenpair."""

import math
from functools import partial

import pytest
import torch

from pinn.basis.errors import UserError
from pinn.domains import Box
from pinn.networks import MLP, RandomFeatures
from pinn.problem import Problem
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling import ChebyshevSampler
from pinn.terms import Data, Dirichlet, Eigenvalue, Integral, Interior, Neumann
from pinn.training.eigenpairs import eigenproblem
from pinn.training.initial_guess import set_initial_guess
from pinn.trial.making import make_trial

SAMPLER = ChebyshevSampler(interior=400, boundary=40)
GROUND = math.pi**2 / 2


class Well(Problem):
    """psi'' / 2 + E psi = 0 with zero walls."""

    def __init__(self, E=1.0, equation=None, others=None):
        self.domain, self.fields, self.unknowns = Box(x=(0, 1)), ("psi",), {"E": E}
        self.equation = equation or (lambda psi, psi_xx, E: psi_xx / 2 + E * psi)
        self.others = others if others is not None else {"norm": Integral(lambda psi: psi**2, 1.0)}

    def terms(self):
        walls = Dirichlet(psi=0.0, on=("x.min", "x.max"))
        return {"equation": Interior(self.equation), "walls": walls, **self.others}


class Membrane(Problem):
    """A square drum, whose second eigenvalue is double."""

    def __init__(self, number=1):
        self.domain, self.fields = Box(x=(0, 1), y=(0, 1)), ("u",)
        self.unknowns = {"k": Eigenvalue(number=number)}

    def terms(self):
        return {
            "drum": Interior(lambda u, laplacian_u, k: laplacian_u + k * u),
            "rim": Dirichlet(u=0.0, on=self.domain.sides),
        }


class Bar(Problem):
    """u'' = m u with free ends: m = 0, -pi^2, -4 pi^2, ..."""

    def __init__(self, **which):
        self.domain, self.fields, self.unknowns = Box(x=(0, 1)), ("u",), {"m": Eigenvalue(**which)}

    def terms(self):
        ends = Neumann(u=0.0, on=("x.min", "x.max"))
        return {"bar": Interior(lambda u, u_xx, m: u_xx - m * u), "ends": ends}


def residuals(problem, width=60, network=RandomFeatures, **settings):
    torch.manual_seed(0)
    return make_residuals(make_trial(problem, partial(network, width=width), **settings))


def started(problem, guess="features", **settings):
    """The trial function at its initial guess, and what was found."""
    own = residuals(problem, **settings)
    return own.trial, set_initial_guess(own, guess, SAMPLER, seed=0)


def kind(problem):
    own = residuals(problem)
    points = own.draw(SAMPLER, torch.Generator().manual_seed(0))
    return eigenproblem(own, bind(own, points), own.theta())


@pytest.mark.parametrize("derivatives", ["taylor", "reverse"])
@pytest.mark.parametrize("constraints", ["hard", "soft"])
@pytest.mark.parametrize("start", [1.0, GROUND, -30.0])
def test_a_well_is_solved_from_any_start_below_and_at_its_eigenvalue(start, constraints, derivatives):
    if derivatives == "reverse" and start != 1.0:
        pytest.skip("one start is enough for the other engine")
    trial, pairs = started(Well(start), constraints=constraints, derivatives=derivatives)
    assert trial.unknowns["E"] == pytest.approx(GROUND, rel=1e-9)  # 30 features resolve it to 1e-10
    assert pairs.value == trial.unknowns["E"]
    x = torch.tensor([[0.25], [0.5]], dtype=torch.float64)
    with torch.no_grad():
        psi = trial.evaluate(("psi",), x)["psi"]
    assert psi.tolist() == pytest.approx([1.0, math.sqrt(2)], abs=1e-7)  # the norm's size, and the positive sign


def test_the_nearest_to_the_start_is_taken_and_its_neighbors_are_told():
    _, pairs = started(Well(17.0))
    assert pairs.value == pytest.approx(4 * GROUND, rel=1e-6)
    assert "nearest to 17; its neighbors: 4.93" in str(pairs)


@pytest.mark.parametrize("guess", [None, "linear"])
def test_a_network_starts_from_an_eigenfunction_of_random_features(guess):
    trial, pairs = started(Well(1.0), guess, network=MLP, width=20)
    assert pairs is not None
    assert trial.unknowns["E"] == pytest.approx(GROUND, rel=1e-7)
    with torch.no_grad():
        psi = trial.evaluate(("psi",), torch.tensor([[0.5]], dtype=torch.float64))["psi"]
    assert float(psi) == pytest.approx(math.sqrt(2), rel=0.05)  # as 20 units fit it: not zero


@pytest.mark.parametrize(("which", "value"), [({"number": 2}, -1.0), ({"number": 3}, -4.0), ({"near": -8.5}, -9.0)])
def test_numbers_count_from_where_the_spectrum_begins(which, value):
    """Which for this sign of the equation is its highest eigenvalue."""
    which = {name: x * (math.pi**2 if name == "near" else 1) for name, x in which.items()}
    trial, _ = started(Bar(**which))
    assert trial.unknowns["m"] == pytest.approx(value * math.pi**2, rel=1e-7)


def test_the_first_of_a_free_bar_is_zero():
    trial, _ = started(Bar(number=1))
    assert abs(trial.unknowns["m"]) < 1e-9


def test_a_double_eigenvalue_is_told():
    trial, pairs = started(Membrane(3), width=120)
    assert trial.unknowns["k"] == pytest.approx(5 * math.pi**2, rel=1e-6)
    assert "number 3 from the lowest on, 2 times" in str(pairs)


def test_powers_of_the_unknown_are_recognized():
    """psi'' + k^2 psi = 0 has the eigenvalues pi, 2 pi, ..., of the two signs the positive one."""
    trial, _ = started(Well(2.5, lambda psi, psi_xx, E: psi_xx + E**2 * psi))
    assert trial.unknowns["E"] == pytest.approx(math.pi, rel=1e-9)


@pytest.mark.parametrize(
    "problem",
    [
        Well(equation=lambda psi, psi_xx, E: psi_xx / 2 + E * psi + 1.0),  # a source
        Well(equation=lambda psi, psi_xx, E: psi_xx / 2 + E * psi - psi**3),  # not linear
        Well(equation=lambda psi_xx, E: psi_xx / 2 + E),  # the unknown multiplies no field
        Well(equation=lambda psi, psi_xx, E: psi_xx / 2 + torch.exp(E) * psi),  # no polynomial
        Well(others={}),  # no norm
        Well(others={"data": Data(at={"x": [0.3, 0.6]}, psi=[0.1, 0.2])}),  # an unknown that data identify
    ],
)
def test_other_problems_with_an_unknown_are_not_taken_for_one(problem):
    assert kind(Well()) is not None
    assert kind(problem) is None


def test_an_eigenvalue_of_other_equations_is_refused():
    with pytest.raises(UserError, match="E is no eigenvalue of these equations: they must be linear"):
        kind(Well(Eigenvalue(), equation=lambda psi, psi_xx, E: psi_xx / 2 + E * psi - psi**3))


def test_a_problem_gets_a_norm_where_it_has_none():
    assert "norm" in Membrane().all_terms()
    assert "norm" not in Well().all_terms() or "norm" in Well().terms()
    assert set(Well(Eigenvalue()).all_terms()) == {"equation", "walls", "norm"}  # its own
    assert set(Well(others={}).all_terms()) == {"equation", "walls"}  # a plain number asks for none
    mean_free = Well(Eigenvalue(), others={"mean": Integral("psi", 0.0)})
    assert set(mean_free.all_terms()) == {"equation", "walls", "mean", "norm"}


@pytest.mark.parametrize("wrong", [{"number": 0}, {"number": 1.5}, {"number": 1, "near": 2.0}])
def test_wrong_eigenvalues_are_refused(wrong):
    with pytest.raises(UserError, match="eigenvalue"):
        Eigenvalue(**wrong)


def test_a_start_among_functions_that_are_too_fine_leads_to_one_that_is_resolved():
    """In a well a thousand times as wide, whose eigenvalues are a million times as small."""

    class Wide(Well):
        def __init__(self):
            super().__init__(1.0)
            self.domain = Box(x=(0, 1000))

    trial, pairs = started(Wide())
    assert trial.unknowns["E"] == pytest.approx(GROUND * 1e-6, rel=1e-6)
    assert "the nearest to zero, as none near 1 is resolved" in str(pairs)
