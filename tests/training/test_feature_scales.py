"""The scales of random features, chosen by small fits."""

import math
import time
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
    placed,
)
from pinn.training.feature_starts import Start
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

    def bowl(start):
        asked.append(start)
        x, y = start.powers[0] - 2.5, start.powers[1] + 1.0
        return 1e-9 + 50 * (x + y) ** 2 + (x - y) ** 2

    search = CompassSearch(bowl, Start((0.0, 0.0), ((3.0, 4.0),)), lowest=0.0)
    for step in (2.0, 1.0, 0.5):
        search.descend(directions(2), step)
    assert search.start == Start((2.5, -1.0), ((3.0, 4.0),))
    assert search.value == bowl(search.start)
    assert len(set(asked)) == len(asked) - 1 == len(search.known)
    assert len(search.known) < 50


def test_the_compass_stays_in_its_range_and_stops_where_it_is_low_enough():
    endless = CompassSearch(lambda start: 4.0 ** -start.powers[0], Start((0.0,)), lowest=0.0)
    endless.descend(directions(1), 2.0)
    assert endless.start.powers == (6.0,)
    enough = CompassSearch(lambda start: 4.0 ** -start.powers[0], Start((0.0,)), lowest=0.1)
    enough.descend(directions(1), 2.0)
    assert enough.start.powers == (2.0,)


def test_the_compass_leaves_a_start_that_nothing_beats():
    for value in (1.0, math.inf):
        search = CompassSearch(lambda start, value=value: value, Start((0.0, 0.0)), lowest=0.0)
        search.descend(directions(2), 1.0)
        assert search.start.powers == (0.0, 0.0)


def test_the_compass_asks_for_nothing_after_its_time():
    search = CompassSearch(lambda start: 1.0, Start((0.0,)), lowest=0.0, end=time.perf_counter() - 1.0)
    search.descend(directions(1), 1.0)
    assert (search.known, search.value, search.start) == ({}, math.inf, Start((0.0,)))


def test_directions_are_axes_all_together_and_of_two_the_exchange():
    assert directions(1) == [(1.0,)]
    assert directions(2) == [(1, 0), (0, 1), (1, 1), (1, -1)]
    assert len(directions(3)) == 3 + 1


def test_harmonics_share_the_factor_of_their_coordinate_and_have_no_center():
    """Inputs of the network: t, then cos x and sin x."""
    trial = residuals(Convection()).trial
    drawn = torch.ones(2, 3, dtype=torch.float64)
    assert placed(trial, drawn, Start((1.0, 3.0))).tolist() == [[8.0, 2.0, 2.0]] * 2
    moved = placed(trial, drawn, Start((1.0, 3.0), ((5.0, 7.0),)))
    assert moved.tolist() == [[8.0 + 7.0, 2.0, 2.0]] * 2


def test_each_center_has_its_share_of_the_features_and_of_the_first_ones():
    trial = residuals(Helmholtz()).trial
    placed_there = placed(trial, torch.zeros(60, 2, dtype=torch.float64), Start((0.0, 0.0), ((1, 0), (2, 0), (3, 5))))
    for first in (60, 30):
        counts = [int((placed_there[:first, 0] == x).sum()) for x in (1.0, 2.0, 3.0)]
        assert max(abs(count - first // 3) for count in counts) <= 1  # of a sequence of low discrepancy
    assert (placed_there[:, 1] == torch.where(placed_there[:, 0] == 3.0, 5.0, 0.0)).all()


class ShortWaves(pinn.Problem):
    """Poisson's equation with u = sin(32 x) sin(24 y) on [-1, 1]^2: 800 waves fill the box up to those, a few do."""

    def __init__(self):
        self.domain = pinn.Box(x=(-1, 1), y=(-1, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "poisson": pinn.Interior(lambda laplacian_u, x, y: laplacian_u + 1600 * self.exact(x, y)),
            "sides": pinn.Dirichlet(u=self.exact, on=self.domain.sides),
        }

    def exact(self, x, y):
        return torch.sin(32 * x) * torch.sin(24 * y)


def test_features_are_drawn_around_lines_of_the_data_where_they_cannot_hold_all_waves(caplog):
    torch.manual_seed(0)
    found = make_residuals(make_trial(ShortWaves(), FEATURES, constraints="soft"))
    with caplog.at_level("INFO", logger="pinn"):
        choose_feature_scales(found, SAMPLER, generator())
    waves = found.trial.network.core.waves.detach()
    assert ((waves[:, 0] - 32).abs() < 8).all()
    assert ((waves[:, 1].abs() - 24).abs() < 8).all()
    assert "around (x 32, y 24) around (x 32, y -24)" in caplog.text
    assert fitted_error(found) < 1e-3  # 1 with features up to the highest waves


def test_no_fit_is_begun_when_time_is_up(caplog):
    found = residuals(Helmholtz())
    before = found.theta()
    with caplog.at_level("INFO", logger="pinn"):
        choose_feature_scales(found, SAMPLER, generator(), seconds=1e-9)
    assert "(0 fits" in caplog.text
    assert torch.equal(found.theta(), before)


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
    first = fit(Start((0.0, 0.0)))
    cold = fit.steps
    again = fit(Start((0.0, 0.0)))
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
