"""Small problems with something planted in them, and short runs of them."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from torch import cos, exp, pi, sin

import pinn
from pinn.diagnosis.verdict import Verdict, verdict_of
from pinn.domains.box import Box, Time
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.problem import Problem
from pinn.sampling.sequences import SobolSampler
from pinn.terms.conditions import Dirichlet, Initial, Interior, Neumann
from pinn.terms.data import Data


class Planted(Problem):
    """Any terms of any fields. known: the other attributes of a problem, such as what is known of its solution."""

    def __init__(self, domain, terms, fields=("u",), **known):
        self.domain, self.fields, self._terms = domain, fields, terms
        for name, value in known.items():
            setattr(self, name, value)

    def terms(self):
        return self._terms


@dataclass(frozen=True)
class Run:
    """A short run with a small network: the other settings are those of `pinn.solve`."""

    steps: int = 25
    width: int = 10
    points: int = 150
    sides: int = 40
    redraw_every: int | None = None
    windows: int = 1
    settings: dict[str, Any] = field(default_factory=dict)

    def of(self, problem: Problem) -> Verdict:
        solution = pinn.solve(
            problem,
            partial(MLP, width=self.width, depth=2),
            sampler=SobolSampler(interior=self.points, boundary=self.sides, redraw_every=self.redraw_every),
            training=pinn.Training(steps=self.steps, time_limit=None, held_out=300, windows=self.windows),
            compile="never",
            optimizer=LeastDamping(),
            output=OUTPUT,
            **self.settings,
        )
        return verdict_of(solution.attributes, {})


OUTPUT = pinn.Output(figures=False, resolution=9, second_stage=False)  # which would solve some
SOFT = Run(settings={"constraints": "soft"})
LINE, SQUARE, TIME = Box(x=(0, 1)), Box(x=(0, 1), y=(0, 1)), Time(t=(0, 1))
ROD, ENDS = LINE * TIME, ("x.min", "x.max")
HEAT, COLD = Interior(lambda u_t, u_xx: u_t - 0.1 * u_xx), Dirichlet(u=0.0, on=ENDS)
HUMP, HUMP_KNOWN = Initial(u=lambda x: sin(pi * x)), {"exact": lambda x, t: sin(pi * x) * exp(-0.1 * pi**2 * t)}
LEFT, RIGHT = Dirichlet(u=0.0, on="x.min"), Dirichlet(u=0.0, on="x.max")
FLAT, BALANCED = Neumann(u=0.0, on=SQUARE.sides), Interior(lambda laplacian_u, x: laplacian_u - pi**2 * cos(pi * x))
AT = np.linspace(0.02, 0.98, 25)


def seen(noise, seed=0):
    """Data of u = x (1 - x) with noise of a standard deviation."""
    return Data({"x": AT}, u=AT * (1 - AT) + noise * np.random.default_rng(seed).standard_normal(len(AT)), noise=noise)
