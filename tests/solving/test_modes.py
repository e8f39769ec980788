"""Several eigenvalues in one solution: their functions, orthogonal, in the file along a dimension of their own."""

import copy
import math
import pickle
from functools import partial

import h5py
import numpy as np
import pytest

import pinn
from pinn.basis.errors import UserError
from pinn.networks.random_features import RandomFeatures
from pinn.optimizers.linear import LinearLeastSquares
from pinn.problem import Problem
from pinn.sampling.sequences import ChebyshevSampler
from pinn.solution.loading import load
from pinn.solution.output import Output
from pinn.terms.unknowns import Eigenvalue


class Membrane(Problem):
    """A square drum: k = (m^2 + n^2) pi^2, of which the second and third are one."""

    def __init__(self, **which) -> None:
        self.domain, self.fields = pinn.Box(x=(0, 1), y=(0, 1)), ("u",)
        self.unknowns = {"k": Eigenvalue(**which)}

    def terms(self):
        return {
            "drum": pinn.Interior(lambda u, laplacian_u, k: laplacian_u + k * u),
            "rim": pinn.Dirichlet(u=0.0, on=self.domain.sides),
        }


def solved(problem, width=150, folder=None):
    return pinn.solve(
        problem,
        network=partial(RandomFeatures, width=width),
        optimizer=LinearLeastSquares(),
        sampler=ChebyshevSampler(interior=500, boundary=30),
        training=pinn.Training(steps=2),
        initial_guess="features",
        output=Output(resolution=33, figures=False, estimate=False),
        folder=folder,
    )


def gram(u):
    """Integrals of products by the trapezoidal rule on the file's grid, exact for sines of a few half waves."""
    h = 1.0 / (u.shape[1] - 1)
    flat = u.reshape(len(u), -1)  # zero on the rim
    return flat @ flat.T * h**2


@pytest.fixture(scope="module")
def first_four(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modes")
    return solved(Membrane(count=4), folder=folder), folder / "solution.h5"


def test_the_lowest_modes_are_orthogonal_and_of_norm_one(first_four):
    modes = first_four[0].modes
    # 150 features: eigenvalues err by the square of their functions' errors, which are below 1e-5
    assert modes["k"] / math.pi**2 == pytest.approx([2, 5, 5, 8], rel=1e-7)
    assert np.abs(gram(modes["u"]) - np.eye(4)).max() < 1e-5
    x = np.linspace(0, 1, 33)
    first = 2 * np.outer(np.sin(np.pi * x), np.sin(np.pi * x))
    assert np.abs(modes["u"][0] - first).max() < 1e-5


def test_the_first_of_them_is_the_solution(first_four):
    solution, _ = first_four
    x = np.linspace(0, 1, 33)
    values = solution(x=x[:, None], y=x)
    assert np.abs(solution.modes["u"][0] - values.T).max() < 1e-8  # the same least squares at other points
    assert solution.trial.unknowns["k"] == pytest.approx(solution.modes["k"][0], rel=1e-9)


def test_the_file_has_a_dimension_of_them_and_is_read(first_four):
    solution, path = first_four
    with h5py.File(path) as file:
        assert file["modes/mode"][()].tolist() == [1, 2, 3, 4]
        names = [dimension[0].name.rpartition("/")[2] for dimension in file["modes/u"].dims]
        assert names == ["mode", "y", "x"]
    again = load(path, problem=Membrane(count=4), network=partial(RandomFeatures, width=150))
    for name, values in solution.modes.items():
        assert np.array_equal(again.modes[name], values)
    again.save(path.with_name("again.h5"))
    assert np.array_equal(
        load(path.with_name("again.h5"), problem=Membrane(), trust=True).modes["k"], solution.modes["k"]
    )


def test_another_grid_is_saved_without_them(first_four, tmp_path):
    path = first_four[0].save(tmp_path / "coarse.h5", Output(resolution=9, figures=False))
    with h5py.File(path) as file:
        assert "modes" not in file


def test_they_begin_at_the_number_asked_for():
    modes = solved(Membrane(number=4, count=3)).modes
    assert modes["k"] / math.pi**2 == pytest.approx([8, 10, 10], rel=1e-6)


def test_one_alone_has_no_modes():
    assert solved(Membrane(), width=30).modes == {}


def test_what_is_not_resolved_is_told(caplog):
    with caplog.at_level("WARNING", logger="pinn"):
        modes = solved(Membrane(count=60), width=40).modes
    assert "of the 60 eigenfunctions that are asked for are resolved" in caplog.text
    assert 1 < len(modes["k"]) < 60


@pytest.mark.parametrize("count", [0, -1, 2.0, True])
def test_a_count_that_is_none_is_told(count):
    with pytest.raises(UserError, match="count of an eigenvalue must be an integer >= 1"):
        Eigenvalue(count=count)


def test_an_eigenvalue_is_copied_whole():
    asked = Eigenvalue(number=2, count=3)
    assert repr(asked) == "Eigenvalue(number=2, count=3)"
    for same in (copy.deepcopy(asked), pickle.loads(pickle.dumps(asked))):
        assert (same.number, same.count) == (2, 3)
