"""The settings that each problem has on the command line solve, to the targets set for it."""

import pytest

import pinn

FEW = ["network.width=300", "sampler.interior=800"]  # a quarter of the features and of the points
# Problem -> words that make the run short, the largest error of a field then, and the target within a minute.
CASES = {
    "poisson_2d": (FEW, 1e-12, 1e-11),  # 1e-15 measured
    "heat": (FEW, 1e-11, 1e-11),  # 6e-14
    "helmholtz": (FEW, 1e-8, 1e-8),  # 1e-10
    "wave": (["network.width=400", "sampler.interior=1000"], 1e-6, 1e-7),  # 3e-9
    "convection": (["network.width=400", "sampler.interior=1000"], 1e-7, 1e-6),  # 5e-11
    "euler_beam": (FEW, 1e-12, 1e-9),  # 4e-15
    "klein_gordon": (FEW, 1e-11, 1e-8),  # 5e-15
    "kovasznay": (["network.width=120", "sampler.interior=400"], 1e-6, 1e-7),  # 3e-8
    "lid_driven_cavity": (["network.width=150", "sampler.interior=900"], 5e-2, 1e-4),  # 2e-5 by default
    "reaction": (["network.width=200", "sampler.interior=500"], 1e-4, 1e-8),  # 8e-6
    "poisson_5d": (["sampler.interior=1000", "training.tolerance=1e-12"], 1e-8, 1e-6),  # 3e-12
}


def largest_error(problem, *words):
    """That of the fields after a run with these words, and how the run ended."""
    arguments = pinn.configured(f"problem={problem}", *words)
    solution = pinn.solve(**arguments | {"output": pinn.Output(figures=False, resolution=33)})
    return max(field["relative_l2"] for field in solution.errors().values()), solution.attributes["status"]


@pytest.mark.parametrize("problem", CASES)
def test_few_features_solve_it_well(problem):
    words, bound, _ = CASES[problem]
    error, status = largest_error(problem, *words)
    assert error < bound
    assert status in ("settled", "tolerance")


@pytest.mark.slow
@pytest.mark.parametrize("problem", CASES)
def test_the_default_settings_reach_the_target(problem):
    error, status = largest_error(problem)
    assert error < CASES[problem][2]
    assert status in ("settled", "tolerance")
