"""Spectral functions that suit a problem: by its data, by coefficients, about fronts; in windows of time."""

from functools import partial

import numpy as np
import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.networks import MLP, Spectral
from pinn.optimizers import LinearLeastSquares
from pinn.problems import Burgers, Poisson2D
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.execution import Execution
from pinn.sampling import SobolSampler
from pinn.training.nodes import suited
from pinn.training.orders import choose_orders, rebalance
from pinn.training.plan import Plan
from pinn.trial.making import make_trial

SPECTRAL = {"optimizer": LinearLeastSquares(), "initial_guess": "features", "output": pinn.Output(estimate=False)}


def test_points_are_a_grid_of_a_few_more_nodes_than_functions():
    trial = make_trial(Burgers(), partial(Spectral, width=60))
    trial.network.core.share([3.0, 1.0])
    sampler = suited(SobolSampler(), trial)
    rows = sampler.draw(trial.domain, pinn.domains.Region(), torch.Generator()).x
    distinct = [len(np.unique(rows[:, k])) for k in range(2)]
    assert len(rows) == np.prod(distinct)
    by_coordinate = dict(zip(trial.network.core.coordinates, trial.network.core.counts, strict=True))
    assert all(by_coordinate[k] < distinct[k] <= 1.1 * by_coordinate[k] + 2 for k in range(2))


def test_other_networks_keep_their_sampler():
    sampler = SobolSampler()
    assert suited(sampler, make_trial(Burgers(), MLP)) is sampler


def test_rebalancing_takes_orders_and_no_coefficients():
    one, other = (make_trial(Burgers(), partial(Spectral, width=60)) for _ in range(2))
    core = one.network.core
    with torch.no_grad():
        core.last.weight.copy_(torch.exp(-(2.0 * core.orders[:, 0] + 0.5 * core.orders[:, 1])))
    rebalance(one.parameters(), other)
    assert not other.network.core.last.weight.any()
    assert other.network.core.counts[1] > 1.5 * other.network.core.counts[0]


def test_more_functions_are_those_that_fewer_ask_for():
    """A network that is told how its functions are shared has them so, and no fits change it."""
    few = Spectral(2, 1, width=60)
    few.bend(1, 0.5, 8.0)
    with torch.no_grad():
        few.last.weight.copy_(torch.exp(-(2.0 * few.orders[:, 0] + 0.5 * few.orders[:, 1])))
    network = partial(Spectral, **few.suited(240))
    trial = make_trial(Burgers(), network)
    choose_orders(make_residuals(trial), SobolSampler(interior=600, boundary=100), torch.Generator(), None)
    core = trial.network.core
    assert core.width == len(core.orders) == 240
    assert core.counts[1] > 1.5 * core.counts[0] > 12  # four times as many as 60 in all, in another proportion
    assert core.bends.tolist() == [[0.0, 0.0], [0.5, 8.0]]


def test_a_share_for_each_coordinate_is_needed():
    trial = make_trial(Burgers(), partial(Spectral, width=60, shares=[3.0, 2.0, 1.0]))
    with pytest.raises(UserError, match="shares needs one for each of x, t, got 3"):
        choose_orders(make_residuals(trial), SobolSampler(interior=60, boundary=10), torch.Generator(), None)
    with pytest.raises(UserError, match=r"shares must be positive, got \[3.0, 0.0\]"):
        Spectral(2, 1, shares=[3.0, 0.0])


def test_a_smooth_problem_is_solved_to_rounding():
    solution = pinn.solve(Poisson2D(), network=partial(Spectral, width=400), **SPECTRAL)
    assert solution.errors()["u"]["relative_l2"] < 1e-11  # 20 x 20 polynomials hold two waves to 1e-12


def test_windows_take_orders_from_those_before():
    training = pinn.Training(windows=5, check_every=1)
    solution = pinn.solve(Burgers(nu=0.1), network=partial(Spectral, width=400), training=training, **SPECTRAL)
    counts = [window.network.core.counts for window in solution.trial.windows]
    assert counts[-1][0] > 1.5 * counts[0][0]  # along x, where the front grows steep
    assert solution.errors()["u"]["relative_l2"] < 1e-3  # 5e-5; 2e-2 where each window has the first one's orders


def test_a_run_that_is_continued_before_its_first_step_has_the_points_of_its_own_functions():
    """A checkpoint of a window without points yet, whose functions the window before it has chosen."""
    plan = Plan(
        Burgers(), partial(Spectral, width=60), LinearLeastSquares(), SobolSampler(), pinn.Training(held_out=10)
    )
    trials = [make_trial(Burgers(), partial(Spectral, width=60)) for _ in range(2)]
    trials[0].network.core.share([9.0, 1.0])
    trials[0].network.core.bend(0, 0.3, 20.0)
    begun = plan.trainer(trials[0], Execution())
    continued = plan.trainer(trials[1], Execution(), saved=begun.checkpoint())
    assert [list(axis) for axis in continued.sampler.axes] == [list(axis) for axis in begun.sampler.axes]


class Cooling(pinn.Problem):
    """u_t = 0.1 u_xx from some state, or backwards to it, the ends at zero."""

    def __init__(self, state, side="t.min"):
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1))
        self.fields, self.state, self.side = ("u",), state, side

    def terms(self):
        sign = 1.0 if self.side == "t.min" else -1.0
        return {
            "heat": pinn.Interior(lambda u_t, u_xx: sign * u_t - 0.1 * u_xx),
            "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max")),
            "state": pinn.Dirichlet(u=self.state, on=self.side),
        }


def hat(x):
    return 0.5 - abs(x - 0.5)


@pytest.mark.parametrize(
    ("state", "side", "end"),
    [(hat, "t.min", -1.0), (hat, "t.max", 1.0), (lambda x: torch.sin(torch.pi * x), "t.min", 0.0)],
)
def test_time_is_bent_about_the_end_at_which_there_is_a_kink(state, side, end):
    trial = make_trial(Cooling(state, side), partial(Spectral, width=300), constraints="soft")
    residuals, generator = make_residuals(trial), torch.Generator().manual_seed(0)
    choose_orders(residuals, SobolSampler(interior=600, boundary=100), generator, None)
    core = trial.network.core
    center, steepness = core.bends[core.coordinates.index(1)].tolist()
    assert (center, steepness > 0.0) == (end, end != 0.0)
    assert not core.bends[core.coordinates.index(0)].any()
    assert not core.last.weight.any()  # training starts where it did
