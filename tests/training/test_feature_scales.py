"""The scales of random features, chosen by small fits."""

import math
from functools import partial

import pytest
import torch
from drawn import drawn, error

import pinn
from pinn.basis.errors import UserError
from pinn.networks import MLP, RandomFeatures, RandomWeightFactorization
from pinn.optimizers import LinearLeastSquares
from pinn.problems import Convection, Helmholtz, KleinGordon, Poisson2D
from pinn.residuals.exact_terms import make_residuals
from pinn.sampling import ChebyshevSampler, GaussLegendreSampler
from pinn.training.feature_scales import (
    NEWTON_STEPS,
    CompassSearch,
    SmallFit,
    choose_feature_scales,
    directions,
    factors,
)
from pinn.training.initial_guess import set_initial_guess
from pinn.trial.making import make_trial

SAMPLER = ChebyshevSampler(interior=700, boundary=50)
FEATURES = partial(RandomFeatures, width=200)


def residuals(problem, network=FEATURES, seed=0):
    torch.manual_seed(seed)
    return make_residuals(make_trial(problem, network))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def fitted_error(found):
    """The error of a fit of the last layer to the features as they are."""
    bound = drawn(found, 700, sampler=ChebyshevSampler)
    theta, optimizer = found.theta(), LinearLeastSquares()
    return error(drawn(found, 500, seed=1), optimizer.step(theta, optimizer.init(theta), bound)[0])


def test_the_compass_finds_a_minimum_and_computes_nothing_twice():
    """An elongated bowl around (2.5, -1) in steps of 2, 1 and 1/2, which its axis needs the exchange for."""
    asked = []

    def bowl(powers):
        asked.append(powers)
        x, y = powers[0] - 2.5, powers[1] + 1.0
        return 1e-9 + 50 * (x + y) ** 2 + (x - y) ** 2

    search = CompassSearch(bowl, (0.0, 0.0), lowest=0.0)
    for step in (2.0, 1.0, 0.5):
        search.descend(directions(2), step)
    assert search.best == (2.5, -1.0)
    assert search.value == bowl((2.5, -1.0))
    assert len(set(asked)) == len(asked) - 1 == len(search.known)
    assert len(search.known) < 50


def test_the_compass_stays_in_its_range_and_stops_where_it_is_low_enough():
    endless = CompassSearch(lambda powers: 4.0 ** -powers[0], (0.0,), lowest=0.0)
    endless.descend(directions(1), 2.0)
    assert endless.best == (6.0,)
    enough = CompassSearch(lambda powers: 4.0 ** -powers[0], (0.0,), lowest=0.1)
    enough.descend(directions(1), 2.0)
    assert enough.best == (2.0,)


def test_the_compass_leaves_a_start_that_nothing_beats():
    for value in (1.0, math.inf):
        search = CompassSearch(lambda powers, value=value: value, (0.0, 0.0), lowest=0.0)
        search.descend(directions(2), 1.0)
        assert search.best == (0.0, 0.0)


def test_directions_are_axes_all_together_and_exchanges():
    assert directions(1) == [(1.0,)]
    assert directions(2) == [(1, 0), (0, 1), (1, 1), (1, -1)]
    assert len(directions(3)) == 3 + 1 + 3


def test_harmonics_share_the_factor_of_their_coordinate():
    """Inputs of the network: t, then cos x and sin x."""
    trial = residuals(Convection()).trial
    assert factors(trial, (1.0, 3.0)).tolist() == [8.0, 2.0, 2.0]


def test_scales_follow_the_waves_of_the_solution(caplog):
    """sin(pi x) sin(4 pi y): four times as many waves in y, and a fit a hundred times better than with one scale."""
    found, untouched = residuals(Helmholtz()), residuals(Helmholtz())
    with caplog.at_level("INFO", logger="pinn"):
        choose_feature_scales(found, SAMPLER, generator())
    x, y = found.trial.network.core.waves.detach().abs().amax(0).tolist()
    assert y >= 2 * x
    assert fitted_error(found) < 0.01 * fitted_error(untouched)  # 1e-6 against 2e-2 measured
    assert f"x {x:.2g}, y {y:.2g}" in caplog.text.replace("initial guess: waves up to ", "")


def test_only_the_waves_change_and_by_one_factor_a_coordinate():
    found, before = residuals(Helmholtz()), residuals(Helmholtz()).trial.parameters()
    choose_feature_scales(found, SAMPLER, generator())
    after = found.trial.parameters()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {"core.hidden.weight"}
    ratio = after["core.hidden.weight"] / before["core.hidden.weight"]
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio), rtol=1e-12, atol=0)


def test_a_small_fit_sees_the_whole_domain():
    """By fewer points, not by the first of many: those of a grid are at one side."""
    fit = SmallFit(residuals(Poisson2D()), 100, GaussLegendreSampler(interior=2500), generator())
    (points,) = fit.least_squares.points.values()
    assert 200 <= len(points) <= 300
    for column in points.x.T:
        assert column.min() < 0.05
        assert column.max() > 0.95


def test_factorized_features_are_rescaled_like_plain_ones():
    network = partial(FEATURES, factorization=RandomWeightFactorization())
    found = residuals(Helmholtz(), network)
    before = found.trial.network.core.hidden.weight.detach().clone()
    choose_feature_scales(found, SAMPLER, generator())
    ratio = (found.trial.network.core.hidden.weight / before).detach()
    assert float(ratio[0, 1] / ratio[0, 0]) >= 2
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio), rtol=1e-12, atol=0)


def test_the_same_seed_gives_the_same_scales():
    waves = []
    for _ in range(2):
        found = residuals(Helmholtz())
        set_initial_guess(found, "features", SAMPLER, seed=3)
        waves.append(found.trial.network.core.waves.detach())
    assert torch.equal(*waves)


def test_a_nonlinear_fit_starts_from_the_best_one_before_it():
    fit = SmallFit(residuals(KleinGordon()), 100, SAMPLER, generator())
    first = fit((0.0, 0.0))
    cold = fit.steps
    again = fit((0.0, 0.0))
    assert again == pytest.approx(first, rel=0.01)
    assert fit.steps < cold <= NEWTON_STEPS


def test_another_network_is_refused():
    with pytest.raises(UserError, match="needs network=random_features, got MLP; to train another network, choose"):
        choose_feature_scales(residuals(Poisson2D(), MLP), SAMPLER, generator())


def solve(folder, steps, **settings):
    return pinn.solve(
        KleinGordon(),
        FEATURES,
        LinearLeastSquares(),
        SAMPLER,
        pinn.Training(steps=steps, check_every=1, held_out=100),
        initial_guess="features",
        output=pinn.Output(figures=False, resolution=9),
        folder=folder,
        **settings,
    )


def test_a_saved_run_is_rebuilt_and_a_resumed_one_keeps_its_scales_to_the_bit(tmp_path):
    whole = solve(tmp_path / "whole", 20)
    assert whole.attributes["status"] == "settled"
    x, t = torch.rand(2, 5, dtype=torch.float64).numpy()
    assert (pinn.load(tmp_path / "whole")(x=x, t=t) == whole(x=x, t=t)).all()
    solve(tmp_path / "parts", 1)
    resumed = solve(tmp_path / "parts", 20, resume=True)
    for name, values in whole.trial.parameters().items():
        assert torch.equal(values, resumed.trial.parameters()[name]), name
