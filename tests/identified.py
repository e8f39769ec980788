"""Small problems with noisy data, solved until the noise is met."""

import pinn
from pinn.networks import MLP
from pinn.optimizers import LeastDamping
from pinn.sampling import SobolSampler


def network(inputs, outputs):
    """A small one."""
    return MLP(inputs, outputs, width=8, depth=1)


def identified(problem, *, samples=0, **others):
    """The solution of a problem of one coordinate, with its errors by the noise; samples: of unknowns.

    others: further arguments.
    """
    return pinn.solve(
        problem,
        network=network,
        optimizer=LeastDamping(),
        sampler=SobolSampler(interior=80),
        training=pinn.Training(steps=300, time_limit=None),
        compile="never",
        output=pinn.Output(figures=False, second_stage=False, resolution=11, samples=samples),
        **others,
    )
