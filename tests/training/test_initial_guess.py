"""Where training starts: at random, from a fitted last layer, or from a saved solution."""

from functools import partial

import pytest
import torch
from torch import nn

import pinn
from pinn.basis.errors import UserError
from pinn.networks import MLP, RandomFeatures
from pinn.problems import Burgers, Poisson2D
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling import SobolSampler
from pinn.solution import Output
from pinn.training import Training
from pinn.training.initial_guess import set_initial_guess
from pinn.trial.making import make_trial

SMALL = partial(MLP, width=12, depth=2)
SAMPLER = SobolSampler(interior=200, boundary=20)


def residuals(problem=None, network=SMALL, **settings):
    torch.manual_seed(0)
    return make_residuals(make_trial(problem or Poisson2D(), network, **settings))


def solve(problem=None, steps=1, **settings):
    return pinn.solve(
        problem or Poisson2D(),
        SMALL,
        sampler=SAMPLER,
        training=Training(steps=steps, time_limit=None, held_out=50),
        output=Output(resolution=5, figures=False),
        **settings,
    )


def fresh_points(found):
    """The residuals at other points than those of the guess."""
    region, generator = found.regions["interior"].region, torch.Generator().manual_seed(7)
    return bind(found, {"interior": SobolSampler(interior=300).draw(found.trial.problem.domain, region, generator)})


def test_nothing_leaves_the_parameters_as_they_are():
    found = residuals()
    before = found.theta()
    set_initial_guess(found, None, SAMPLER, seed=0)
    assert torch.equal(found.theta(), before)


def test_linear_fits_the_last_layer_only():
    found = residuals()
    before = {name: values.clone() for name, values in found.trial.parameters().items()}
    fresh = fresh_points(found)
    start = fresh.loss(found.theta())
    set_initial_guess(found, "linear", SAMPLER, seed=0)
    after = found.trial.parameters()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"core.last.weight", "core.last.bias"}
    assert fresh.loss(found.theta()) < 0.3 * start  # 0.12 measured
    assert float(after["core.last.weight"].abs().max()) < 5  # 1.3 measured; 190 where all directions are fitted


def test_linear_takes_newton_steps_for_a_nonlinear_problem():
    found = residuals(Burgers())
    fresh = fresh_points(found)
    start = fresh.loss(found.theta())
    set_initial_guess(found, "linear", SAMPLER, seed=0)
    assert fresh.loss(found.theta()) < 0.6 * start


def test_the_same_seed_gives_the_same_start():
    guesses = []
    for seed in (3, 3, 4):
        found = residuals()
        set_initial_guess(found, "linear", SAMPLER, seed)
        guesses.append(found.theta())
    assert torch.equal(guesses[0], guesses[1])
    assert not torch.equal(guesses[0], guesses[2])


def test_training_starts_from_the_linear_guess():
    plain, fitted = solve(), solve(initial_guess="linear")
    assert fitted.history["loss"][0] < 0.3 * plain.history["loss"][0]
    assert fitted.configuration["initial_guess"] == "linear"


def test_training_starts_from_a_saved_solution_of_another_viscosity(tmp_path):
    first = solve(Burgers(nu=0.1), steps=3, folder=tmp_path)
    found = residuals(Burgers(nu=0.05))
    for path in (tmp_path, tmp_path / "solution.h5"):
        found.load(torch.zeros_like(found.theta()))
        set_initial_guess(found, str(path), SAMPLER, seed=0)
        for name, values in first.trial.parameters().items():
            assert torch.equal(found.trial.parameters()[name], values), name
    again = solve(Burgers(nu=0.1), initial_guess=str(tmp_path))
    assert again.history["loss"][0] < 0.5 * first.history["loss"][0]


def test_a_start_that_is_not_there_is_explained(tmp_path):
    with pytest.raises(
        UserError, match="initial_guess must be linear, features, null or the path of a solution, got 'lineer'"
    ):
        set_initial_guess(residuals(), "lineer", SAMPLER, seed=0)
    with pytest.raises(UserError, match=r"got '.*': no solution.h5 in"):
        set_initial_guess(residuals(), str(tmp_path), SAMPLER, seed=0)


def test_a_start_that_does_not_fit_is_explained(tmp_path):
    solve(folder=tmp_path)
    with pytest.raises(UserError, match=r"initial_guess=.*: parameters do not fit this network: .*core\.hidden"):
        set_initial_guess(residuals(network=partial(MLP, width=5)), str(tmp_path), SAMPLER, seed=0)


def test_a_network_without_a_known_last_layer_is_refused():
    class Plain(nn.Sequential):
        def __init__(self, inputs, outputs):
            super().__init__(nn.Linear(inputs, 5), nn.Tanh(), nn.Linear(5, outputs))

    with pytest.raises(UserError, match="does not say which parameters its outputs are linear in"):
        set_initial_guess(residuals(network=Plain), "linear", SAMPLER, seed=0)

    class Told(Plain):
        linear_parameters = ("2.weight", "2.bias")

    found = residuals(network=Told)
    set_initial_guess(found, "linear", SAMPLER, seed=0)
    assert bool(found.theta().isfinite().all())


def test_a_residual_without_a_number_leaves_the_parameters_to_the_trainers_explanation():
    class Singular(Burgers):
        def momentum(self, u, u_t, x):
            return u_t + u + torch.log(x - 2.0)

    found = residuals(Singular())
    before = found.theta()
    set_initial_guess(found, "linear", SAMPLER, seed=0)
    assert torch.equal(found.theta(), before)
    with pytest.raises(UserError, match=r"Singular\.momentum is nan at the first step"):
        solve(Singular(), initial_guess="linear")


@pytest.mark.parametrize("guess", ["linear", "features"])
def test_a_guess_ends_with_the_time_for_it(guess, caplog):
    found = residuals(network=partial(RandomFeatures, width=40))
    before = found.theta()
    set_initial_guess(found, guess, SAMPLER, seed=0, seconds=1e-9)
    assert "the time limit ended it after" in caplog.text
    assert torch.equal(found.theta(), before)
    set_initial_guess(found, guess, SAMPLER, seed=0, seconds=1e9)
    assert not torch.equal(found.theta(), before)


def test_a_long_guess_says_that_it_goes_on(caplog, monkeypatch):
    monkeypatch.setattr("pinn.training.initial_guess.EVERY", 0.0)
    with caplog.at_level("INFO", logger="pinn"):
        set_initial_guess(residuals(), "linear", SAMPLER, seed=0)
    assert "initial guess: fits for" in caplog.text
