"""More observations than a step can take: some are used, always the same, and what is said of noise counts those."""

from functools import partial

import numpy as np
import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.diagnosis.preflight import preflight
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.residuals.exact_terms import make_residuals
from pinn.terms.data import Data, Observation
from pinn.training.held_out import HeldOut
from pinn.trial.making import make_trial

COUNT, MOST = 1000, 100
X = np.linspace(0, 1, COUNT)


class Line(Problem):
    """u_xx = 0 with observations of u = x."""

    def __init__(self, seen):
        self.domain = pinn.Box(x=(0, 1))
        self.fields = ("u",)
        self.seen = seen

    def terms(self):
        return {"line": pinn.Interior(lambda u_xx: u_xx), "seen": self.seen}


SEEN = {
    "data": partial(Data, {"x": X}, u=X, noise=0.1 + X),
    "observation": partial(Observation, lambda u: u, {"x": X}, X, noise=0.1 + X),
}


@pytest.mark.parametrize("kind", SEEN)
def test_some_are_used(kind):
    regions = [SEEN[kind](most=MOST).region(pinn.Box(x=(0, 1))) for _ in range(2)]
    first, second = (region.x[:, 0] for region in regions)
    assert torch.equal(first, second)
    assert len(first) == len(first.unique()) == MOST
    assert float(first.min()) < 0.05 and float(first.max()) > 0.95  # 100 of [0, 1]: but for once in 170 draws
    observed, noise = regions[0].values.values()
    assert torch.equal(observed, first)  # each with its own value and noise
    assert torch.equal(noise, 0.1 + first)


def test_all_are_used_where_it_is_asked_or_there_are_no_more():
    for seen in (SEEN["data"](most=None), SEEN["data"](most=COUNT), SEEN["data"]()):
        assert len(seen.region(pinn.Box(x=(0, 1))).x) == COUNT
    with pytest.raises(UserError, match="u of data must be 1000 numbers, one a place, got 100"):
        Data({"x": X}, u=X[:MOST], most=MOST).region(pinn.Box(x=(0, 1)))
    with pytest.raises(UserError, match="most of data must be >= 1 or None for all, got 0"):
        SEEN["data"](most=0)


def test_it_is_told_and_noise_counts_those_that_are_fitted():
    trial = make_trial(Line(SEEN["data"](most=MOST)), partial(MLP, width=4, depth=1))
    assert "seen: 100 of the 1,000 observations are used; for all of them most=None" in str(preflight(trial))
    assert HeldOut(make_residuals(trial), 20, 0).noisy == {"seen": MOST}
