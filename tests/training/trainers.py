"""A trainer of a small network."""

import math

import torch

from pinn.networks import MLP
from pinn.optimizers import LevenbergMarquardt, Optimizer
from pinn.problems import Burgers
from pinn.residuals.exact_terms import make_residuals
from pinn.sampling import SobolSampler
from pinn.training import Trainer, Training
from pinn.trial.making import make_trial


def small_network(inputs, outputs):
    return MLP(inputs, outputs, width=8, depth=2)


def make_trainer(problem=None, optimizer=None, *, sampler=None, constraints="hard", **settings):
    torch.manual_seed(0)
    trial = make_trial(problem or Burgers(nu=0.1), small_network, constraints=constraints)
    others = {name: settings.pop(name) for name in ("callbacks", "weighting") if name in settings}
    training = Training(**({"steps": 12, "check_every": 4, "held_out": 200} | settings))
    sampler = sampler or SobolSampler(interior=200, boundary=20, redraw_every=5)
    return Trainer(make_residuals(trial), optimizer or LevenbergMarquardt(), sampler, training, **others)


class Diverging(Optimizer):
    """Good steps first, then a jump to nowhere."""

    def init(self, theta):
        return {"damping": None, "growth": 2.0, "count": 0}

    def step(self, theta, state, problem):
        new, inner, report = LevenbergMarquardt().step(theta, state, problem)
        count = state["count"] + 1
        return (new if count < 9 else new * math.inf), inner | {"count": count}, report
