"""Small problems with noisy data, solved until the noise is met."""

import pinn
from pinn.networks import MLP
from pinn.optimizers import LeastDamping
from pinn.sampling import SobolSampler


def identified(problem, **others):
    """The solution of a problem of one coordinate, with its errors by the noise; others: further arguments."""
    return pinn.solve(
        problem,
        network=lambda inputs, outputs: MLP(inputs, outputs, width=8, depth=1),
        optimizer=LeastDamping(),
        sampler=SobolSampler(interior=80),
        training=pinn.Training(steps=300, time_limit=None),
        compile="never",
        output=pinn.Output(figures=False, second_stage=False, resolution=11),
        **others,
    )
