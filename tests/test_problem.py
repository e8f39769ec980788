"""What a problem makes of its domain."""

import pytest
import torch

from pinn.basis.errors import UserError
from pinn.domains import Box, Parameters, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.terms import Interior
from pinn.trial.making import make_trial


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


class Featured(Diffusion):
    """The same, its network given products of the coordinates."""

    def features(self, x, nu):
        return [x * nu, torch.sin(x)]


def test_features_are_inputs_of_the_network():
    trial = make_trial(Featured(), MLP)
    assert trial.network.embedding.outputs == 6
    points = torch.rand(5, 4, dtype=torch.float64)  # x, y, nu, t
    seen = trial.network.embedding(points)
    torch.testing.assert_close(seen[:, 4], points[:, 0] * points[:, 2])
    torch.testing.assert_close(seen[:, 5], torch.sin(points[:, 0]))


def test_derivatives_go_through_features():
    taylor = make_trial(Featured(), MLP)
    reverse = make_trial(Featured(), MLP, derivatives="reverse")
    reverse.load_parameters(taylor.parameters())
    points = torch.rand(5, 4, dtype=torch.float64)
    for name in ("u_x", "u_xx", "laplacian_u", "u_t"):
        torch.testing.assert_close(
            taylor.evaluate([name], points)[name], reverse.evaluate([name], points)[name], rtol=1e-12, atol=1e-12
        )


def test_features_of_unknown_names_are_refused():
    class Wrong(Diffusion):
        def features(self, z):
            return [z]

    with pytest.raises(UserError, match="features asks for z; it may use coordinates: x, y, nu, t"):
        make_trial(Wrong(), MLP)
