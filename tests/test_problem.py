"""What a problem makes of its domain."""

import torch

from pinn.domains import Box, Parameters, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.terms import Interior
from pinn.trial import make_trial


class Diffusion(Problem):
    """Heat equation for all diffusivities at once."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1), y=(0, 1)) * Time(t=(0, 1)) * Parameters(nu=(0.1, 1))
        self.fields = ("u",)

    def terms(self):
        return {"heat": Interior(lambda u_t, laplacian_u, nu: u_t - nu * laplacian_u)}


def test_the_laplacian_is_over_space_alone():
    trial = make_trial(Diffusion(), MLP)
    found = trial.evaluate(["laplacian_u", "u_xx", "u_yy"], torch.rand(5, 4, dtype=torch.float64))
    torch.testing.assert_close(found["laplacian_u"], found["u_xx"] + found["u_yy"], rtol=1e-12, atol=1e-12)
