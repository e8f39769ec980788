"""Eigenvalue problems from the page to the file."""

import math
from functools import partial

import h5py
import pytest

import pinn
import pinn.training.plan
from pinn.networks import RandomFeatures
from pinn.optimizers import LinearLeastSquares
from pinn.problem import Problem
from pinn.residuals.exact_terms import make_residuals
from pinn.sampling import ChebyshevSampler
from pinn.solution.output import Output
from pinn.terms import Dirichlet, Eigenvalue, Integral, Interior
from pinn.training.settings import Training
from pinn.trial.making import make_trial

QUIET = Output(resolution=21, figures=False, estimate=False)


class Well(Problem):
    """psi'' / 2 + E psi = 0,  psi(0) = psi(1) = 0,  with a norm of its own unless an `Eigenvalue` brings one."""

    def __init__(self, number: int | None = None):
        self.domain, self.fields = pinn.Box(x=(0, 1)), ("psi",)
        self.number = number
        self.unknowns = {"E": 1.0 if number is None else Eigenvalue(number=number)}

    def terms(self):
        terms = {
            "equation": Interior(lambda psi, psi_xx, E: psi_xx / 2 + E * psi),
            "walls": Dirichlet(psi=0.0, on=("x.min", "x.max")),
        }
        return terms | ({"unity": Integral(lambda psi: psi**2, 1.0)} if self.number is None else {})


def fit():
    """The settings of a fit on 60 random features."""
    return {
        "network": partial(RandomFeatures, width=60),
        "optimizer": LinearLeastSquares(),
        "sampler": ChebyshevSampler(interior=300),
        "training": Training(steps=3),
        "initial_guess": "features",
        "output": QUIET,
    }


@pytest.mark.parametrize(("number", "n"), [(None, 1), (2, 2)])
def test_a_fit_finds_it_tells_its_neighbors_and_is_loaded(tmp_path, number, n):
    run = partial(
        pinn.solve,
        Well(number),
        **fit(),
        folder=tmp_path,
    )
    exact = (n * math.pi) ** 2 / 2
    assert run().trial.unknowns["E"] == pytest.approx(exact, rel=1e-10)  # 60 features resolve two waves to that
    with h5py.File(tmp_path / "solution.h5") as file:
        assert file.attrs["unknown_E"] == pytest.approx(exact, rel=1e-10)
        assert file.attrs["eigenvalues"][:3] == pytest.approx([math.pi**2 / 2 * k**2 for k in (1, 2, 3)], rel=1e-6)
        assert file.attrs["verdict_word"] == "plausible"  # no error was estimated
    assert pinn.load(tmp_path, trust=True).trial.unknowns["E"] == pytest.approx(exact, rel=1e-10)


def test_another_eigenvalue_than_the_one_asked_for_is_not_solved(monkeypatch):
    """Whatever leads training from the second to the first: the run knows which one was meant."""
    asked = pinn.training.plan.set_initial_guess

    def to_the_first(residuals, *others):
        pairs = asked(residuals, *others)
        first = make_residuals(make_trial(Well(1), partial(RandomFeatures, width=60)))
        asked(first, *others)
        residuals.trial.load_parameters(first.trial.parameters())
        return pairs

    monkeypatch.setattr("pinn.training.plan.set_initial_guess", to_the_first)
    solution = pinn.solve(Well(2), **fit())
    assert solution.trial.unknowns["E"] == pytest.approx(math.pi**2 / 2, rel=1e-8)
    assert solution.attributes["verdict"].startswith("not solved: E = 4.9348 is not the eigenvalue that is asked for")
