"""Conditions that hold whatever the network, in any units."""

import pytest

from pinn import Boundary, Box, Dirichlet, Initial, Interior, Neumann, Time
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.residuals.exact_terms import exact_terms
from pinn.residuals.residuals import Residuals
from pinn.trial.making import make_trial


class Particle(Problem):
    """Diffusion in a particle: all of it as small as in SI units, where size is 1e-6."""

    def __init__(self, size=1.0, density=1.0):
        self.size, self.density = size, density
        self.domain, self.fields = Box(r=(0, size)) * Time(t=(0, 1)), ("c",)

    def terms(self):
        d = 0.01 * self.size**2
        return {
            "diffusion": Interior(lambda c_t, c_rr: c_t - d * c_rr),
            "center": Dirichlet(c_r=0.0, on="r.min"),
            "surface": Boundary(lambda c_r: d * (c_r + self.density / self.size), on="r.max"),
            "closed": Neumann(c=0.0, on="r.min"),
            "start": Initial(c=self.density),
        }


@pytest.mark.parametrize("size", [1.0, 1e-6, 1e6])
@pytest.mark.parametrize("density", [1.0, 1e-9, 1e9])
def test_they_are_the_same_in_all_units(size, density):
    """A flux of 1e-26 is no zero where the diffusivity is 1e-14 and the density 1e-9."""
    trial = make_trial(Particle(size, density), MLP, sizes={"c": (0.0, density)})
    assert set(exact_terms(Residuals(trial))) == {"center", "closed", "start"}
