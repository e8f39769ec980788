"""A condition of one's own, a class that only this file knows: hard constraints, pre-flight and periods honor it."""

from dataclasses import replace

import pytest
import torch

from pinn.ansatz import derive
from pinn.diagnosis.preflight import preflight
from pinn.domains import Box, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.residuals.exact_terms import exact_terms
from pinn.residuals.residuals import Residuals
from pinn.terms import Equation, Initial, Interior, Period, Side, Term, prescribed
from pinn.terms.base import boundary_region
from pinn.trial.making import make_trial


class Clamped(Side):
    """A beam in a wall: its deflection and its slope are given."""

    def __init__(self, on, slope=0.0) -> None:
        super().__init__(on)
        self.slope = slope

    def prescriptions(self):
        return {"w": 0.25, "w_normal": self.slope}

    def equations(self):
        return {name: prescribed(name, value) for name, value in self.prescriptions().items()}


class Ring(Term):
    """A closed ring: the solution goes on from one end of x to the other."""

    def region(self, domain):
        return replace(boundary_region(domain, ("x.min", "x.max")), period="x")

    def equations(self):
        return {name: Equation(lambda q: q.chunk(2)[0] - q.chunk(2)[1], (name,), name) for name in ("u", "u_x")}

    def period(self):
        return Period("x", ("u", "u_x"), harmonics=3)


class Posed(Problem):
    def __init__(self, domain, field, terms) -> None:
        self.domain = domain
        self.fields = (field,)
        self.given = terms

    def terms(self):
        return self.given


def beam(**conditions):
    load = Interior(lambda w_xxxx: w_xxxx - 24.0)
    return Posed(Box(x=(0, 2)), "w", {"load": load} | conditions)


def ring(start):
    heat = Interior(lambda u_t, u_xx: u_t - u_xx)
    domain = Box(x=(-1, 1)) * Time(t=(0, 1))
    return Posed(domain, "u", {"heat": heat, "ring": Ring(), "start": Initial(u=start)})


def shaken(problem, **settings):
    torch.manual_seed(0)
    trial = make_trial(problem, lambda **sizes: MLP(width=6, depth=2, **sizes), **settings)
    with torch.no_grad():
        for parameter in trial.network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return trial


def test_its_values_and_slopes_hold_exactly():
    trial = shaken(beam(left=Clamped("x.min"), right=Clamped("x.max", slope=0.5)))
    at_ends = trial.evaluate(["w", "w_x"], torch.tensor([[0.0], [2.0]], dtype=torch.float64))
    assert at_ends["w"].tolist() == pytest.approx([0.25, 0.25], abs=1e-13)  # rounding of sums of order one
    assert at_ends["w_x"].tolist() == pytest.approx([0.0, 0.5], abs=1e-13)
    assert exact_terms(Residuals(trial)) == ("left", "right")


def test_what_cannot_hold_exactly_says_why():
    problem = beam(left=Clamped("x.min"), right=Clamped("x.max", slope=lambda w_xx: w_xx))
    assert derive(problem).soft == {"right": "its value depends on w_xx"}


def test_it_is_counted():
    def missing(**conditions):
        findings = preflight(shaken(beam(**conditions), constraints="soft")).findings
        return [finding.text for finding in findings if "conditions" in finding.text]

    assert not missing(left=Clamped("x.min"), right=Clamped("x.max"))
    assert missing(left=Clamped("x.min"))[0].startswith("w has 2 of the 4 conditions along x")


def test_its_period_is_the_networks():
    trial = shaken(ring(lambda x: torch.cos(torch.pi * x)))
    assert trial.network.embedding.coordinates == (1, *[0] * 6)  # t, then three cosines and three sines of x
    ends = torch.tensor([[-1.0, 0.3], [1.0, 0.3]], dtype=torch.float64)
    for values in trial.evaluate(["u", "u_x", "u_xx"], ends).values():
        assert float(values[0]) == pytest.approx(float(values[1]), abs=1e-12)  # rounding, times wave numbers squared
    assert exact_terms(Residuals(trial)) == ("ring", "start")
    assert not preflight(trial).findings


def test_its_period_is_compared_with_the_data():
    told = [finding.text for finding in preflight(shaken(ring(lambda x: x**3))).findings]
    assert told[0].startswith("start and ring disagree: u differs by 2 at x.min and x.max")
