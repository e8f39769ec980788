"""Fields on a domain with the conditions that a test is about, and which of them hold exactly."""

from functools import partial

import torch

from pinn.domains import Box, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.residuals.exact_terms import exact_terms
from pinn.residuals.residuals import Residuals
from pinn.terms import Interior
from pinn.trial.making import make_trial

network = partial(MLP, width=8, depth=2)


class Posed(Problem):
    """Fields on a domain with the conditions that a test is about."""

    def __init__(self, domain, terms, fields=("u",)) -> None:
        self.domain = domain
        self.fields = fields
        self.given = terms

    def terms(self):
        names = ", ".join(self.fields)
        equation = eval(f"lambda {names}: {self.fields[0]}")
        return {"equation": Interior(equation), **self.given}


def held(problem):
    """The terms that hold exactly with the derived ansatz."""
    torch.manual_seed(0)
    return set(exact_terms(Residuals(make_trial(problem, network))))


ROD = Box(x=(0, 2)) * Time(t=(1, 3))
SQUARE = Box(x=(0, 1), y=(0, 1))
