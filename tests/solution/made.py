"""Small solutions: networks that are not trained, of problems that are known."""

import functools
from typing import ClassVar

import numpy as np
import torch

from pinn.domains import Box, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.residuals.residuals import Residuals
from pinn.solution import Output, Solution
from pinn.terms import Interior
from pinn.trial.making import make_trial

GRID = Output(resolution={"x": 17, "t": 6})
BOUNDS = {"x": (-1.0, 2.0), "y": (0.0, 0.5), "z": (10.0, 13.0)}
HISTORY = {
    "step": np.arange(1, 5),
    "seconds": np.array([0.5, 1.0, 1.5, 2.0]),
    "loss": np.array([1.0, 0.1, 0.01, 0.001]),
    "loss/momentum": np.array([1.0, np.nan, np.nan, 0.001]),
    "held_out": np.array([2.0, np.nan, np.nan, 0.002]),
    "held_out/momentum": np.array([2.0, np.nan, np.nan, 0.002]),
    "error/u": np.array([0.5, np.nan, np.nan, 0.05]),
    "accepted": np.array([True, True, False, True]),
    "stage": np.array(["first", "first", "second", "second"]),
}


class Plain(Problem):
    """Two fields without known solution in one to ten dimensions of space, steady or in time."""

    def __init__(self, space: int = 2, steady: bool = False) -> None:
        names = list(BOUNDS)[:space] if space <= 3 else [f"x{i + 1}" for i in range(space)]
        box = Box(**{name: BOUNDS.get(name, (0.0, 1.0)) for name in names})
        self.domain = box if steady else box * Time(t=(0, 2))
        self.fields = ("u", "v")

    def terms(self):
        return {"second": Interior(self.second), "first": Interior(self.first)}

    def first(self, u, v):
        return u - v

    def second(self, laplacian_u, v):
        return laplacian_u - v


class Wrong(Problem):
    """u is 10 % too large by construction, p is off by a function of time."""

    defined_up_to_constant = ("p",)
    units: ClassVar = {"x": "m", "t": "s", "u": "m/s"}
    long_names: ClassVar = {"u": "velocity"}

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u", "p", "w")

    def terms(self):
        return {"momentum": Interior(self.momentum)}

    def momentum(self, u_t, p_x):
        return u_t + p_x

    def exact(self, x, t):
        return {"u": torch.exp(-t) * torch.sin(x), "p": x * t}

    def ansatz(self, x, t):
        return {"u": 1.1 * torch.exp(-t) * torch.sin(x), "p": x * t + 5.0 + torch.sin(t)}


def make_solution(problem, width=6, output=None, **given):
    trial = make_trial(problem, functools.partial(MLP, width=width, depth=2))
    return Solution(trial, Residuals(trial), output=output, **given)
