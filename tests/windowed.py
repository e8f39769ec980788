"""Trial functions in windows of time, and short runs of them."""

from functools import partial

import torch

import pinn
from pinn.networks import MLP
from pinn.optimizers import LeastDamping
from pinn.problems import Burgers
from pinn.sampling import SobolSampler
from pinn.training import Training
from pinn.trial.making import make_windows

SMALL = partial(MLP, width=6, depth=2, activation="sin")


def shaken(problem, windows=4, **settings):
    """A trial function in windows, all its parameters random."""
    torch.manual_seed(0)
    trial = make_windows(problem, SMALL, windows, **settings)
    for window in trial.windows:
        window.load_parameters({name: v + 0.3 * torch.randn_like(v) for name, v in window.parameters().items()})
    return trial


def settings(steps=4, windows=3, **others):
    return Training(
        **({"steps": steps, "windows": windows, "time_limit": None, "check_every": 3, "held_out": 80} | others)
    )


def solve(folder=None, *, training=None, optimizer=None, problem=None, **others):
    return pinn.solve(
        problem or Burgers(nu=0.1),
        SMALL,
        optimizer or LeastDamping(),
        SobolSampler(interior=120, boundary=10, redraw_every=3),
        training or settings(),
        output=pinn.Output(figures=False, resolution=9),
        folder=folder,
        compile="never",
        scaling="none",  # whatever is solved here has sizes near one
        **others,
    )
