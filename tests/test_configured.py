"""The command line's settings for Python."""

import pytest

import pinn
from pinn.basis.errors import UserError
from pinn.networks import MLP, RandomFeatures
from pinn.optimizers import LinearLeastSquares
from pinn.optimizers.automatic import Automatic
from pinn.problems import Burgers, Heat
from pinn.sampling import ChebyshevSampler, SobolSampler
from pinn.training import Training


def test_they_are_the_arguments_of_solve():
    found = pinn.configured("problem=heat", "problem.diffusivity=0.5", "seed=3", "network.width=50")
    assert isinstance(found["problem"], Heat)
    assert (found["problem"].diffusivity, found["seed"], found["initial_guess"]) == (0.5, 3, "features")
    assert isinstance(found["optimizer"], LinearLeastSquares)
    assert isinstance(found["sampler"], ChebyshevSampler)
    assert found["network"].func is RandomFeatures
    solution = pinn.solve(**found | {"training": Training(steps=1, held_out=50), "output": pinn.Output(resolution=9)})
    assert solution.configuration["problem"]["diffusivity"] == 0.5
    assert solution.configuration["network"]["width"] == 50


def test_nothing_is_the_default_run():
    found = pinn.configured()
    assert isinstance(found["problem"], Burgers)
    assert isinstance(found["optimizer"], Automatic)


def test_an_optimizer_brings_what_suits_it_and_leaves_nothing_behind():
    linear = pinn.configured("optimizer=linear")
    assert (linear["network"].func, linear["initial_guess"]) == (RandomFeatures, "features")
    other = pinn.configured("problem=heat", "optimizer=least_damping")
    assert (other["network"].func, other["initial_guess"]) == (MLP, None)
    assert isinstance(other["sampler"], SobolSampler)
    chosen = pinn.configured("optimizer=linear", "network=mlp", "initial_guess=null")
    assert (chosen["network"].func, chosen["initial_guess"]) == (MLP, None)


def test_mistakes_are_explained_as_on_the_command_line():
    with pytest.raises(UserError, match=r"no choice 'haet' of problem \(did you mean 'heat'\?\)"):
        pinn.configured("problem=haet")
    with pytest.raises(UserError, match=r"no option 'network\.widht'"):
        pinn.configured("network.widht=3")
