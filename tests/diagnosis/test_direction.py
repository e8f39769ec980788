"""Equations that are known at the wrong end of time for the way in which they diffuse."""

from functools import partial

import pytest
import torch

from pinn.diagnosis.direction import against_time
from pinn.diagnosis.verdict import Word
from pinn.domains import Box, Time
from pinn.networks import MLP
from pinn.problem import Problem, derived
from pinn.problems.backward_heat import BackwardHeat
from pinn.problems.fokker_planck import FokkerPlanck
from pinn.problems.hamilton_jacobi_bellman import HamiltonJacobiBellman
from pinn.terms import Data, Dirichlet, Initial, Interior, Periodic
from pinn.trial.making import make_trial

ENDS = Dirichlet(u=0.0, on=("x.min", "x.max"))
AT = {"t.min": Dirichlet(u=lambda x: torch.sin(3 * x), on="t.min"), "t.max": Dirichlet(u=lambda x: x, on="t.max")}


class Rod(Problem):
    """Equations on a line, and conditions at some ends of time."""

    def __init__(self, equations, at, fields=("u",), **others):
        self.domain = Box(x=(1, 2)) * Time(t=(0, 1))
        self.fields = fields
        self.given = {f"e{k}": Interior(one) for k, one in enumerate(equations)} | {"ends": ENDS} | others
        self.given |= {end: AT[end] for end in at}

    def terms(self):
        return self.given

    @derived
    def q(self, u, u_x):
        return -torch.exp(u) * u_x


class Plate(Problem):
    """Heat in a plate whose conductivity along y is a number."""

    def __init__(self, along_y):
        self.domain, self.fields, self.along_y = Box(x=(0, 1), y=(0, 1)) * Time(t=(0, 1)), ("u",), along_y

    def terms(self):
        return {
            "heat": Interior(lambda u_t, u_xx, u_yy: u_t - u_xx - self.along_y * u_yy),
            "end": Dirichlet(u=lambda x, y: x * y, on="t.max"),
        }


def told(problem, constraints="soft"):
    torch.manual_seed(0)
    trial = make_trial(problem, partial(MLP, width=6, depth=2), constraints=constraints)
    return list(against_time(trial, torch.Generator().manual_seed(0)))


FORWARD = {
    "plain": lambda u_t, u_xx: u_t - 0.1 * u_xx,
    "the other sign": lambda u_t, u_xx: 0.1 * u_xx - u_t,
    "of a place and the field": lambda x, u, u_t, u_xx: (1 + u**2) * u_t - x * torch.exp(u) * u_xx,
    "of a flux": lambda u_t, q_x: u_t + q_x,
    "with lower orders": lambda u, u_x, u_t, laplacian_u: u_t + 5 * u * u_x + 7 * u - laplacian_u,
}


@pytest.mark.parametrize("constraints", ["hard", "soft"])
@pytest.mark.parametrize("equation", FORWARD.values(), ids=FORWARD)
def test_what_diffuses_forward_is_to_be_known_at_the_start(equation, constraints):
    (reason,) = told(Rod([equation], ["t.max"]), constraints)
    assert reason.word is Word.ILL_POSED
    assert reason.text.startswith("e0 diffuses u forward in t, and u is known at t.max alone")
    assert "u at t.min" in reason.action
    for at in (["t.min"], ["t.min", "t.max"], []):
        assert told(Rod([equation], at), constraints) == []


def test_what_diffuses_backward_is_to_be_known_at_the_end():
    """As the price of an option, and heat in a rod whose conductivity is negative."""

    def price(x, u, u_t, u_x, u_xx):
        return u_t + 0.02 * x**2 * u_xx + 0.05 * x * u_x - 0.05 * u

    assert told(Rod([price], ["t.max"])) == []
    (reason,) = told(Rod([price], ["t.min"]))
    assert reason.text.startswith("e0 diffuses u backward in t, and u is known at t.min alone")
    assert "u at t.max" in reason.action


def test_in_a_plate_all_directions_count():
    assert len(told(Plate(1.0))) == len(told(Plate(0.0))) == 1
    assert told(Plate(-1.0)) == []


def test_a_system_is_told_by_its_fields():
    coupled = [lambda u, v, u_t, u_xx: u_t - u_xx + u * v, lambda u, v, v_t, v_xx: v_t - 0.1 * v_xx - u]
    problem = Rod(coupled, ["t.max"], ("u", "v"), start=Initial(v=1.0))
    assert [reason.text.partition(" forward")[0] for reason in told(problem)] == ["e0 diffuses u"]


@pytest.mark.parametrize(
    "equations",
    [
        [lambda u_t, u_x: u_t + u_x],  # which goes both ways
        [lambda u_t, u_tt, u_xx: u_tt + u_t - u_xx],
        [lambda u_t, u_xx, u_xxt: u_t - u_xx - u_xxt],  # whose rates are bounded
        [lambda u_t, u_xx, u_xxxx: u_t - u_xx - u_xxxx],
        [lambda u, u_t, u_xx: u_t - u * u_xx],  # of a sign that is not known
        [lambda x, u_t, u_xx: u_t - (x - 1.5) * u_xx],
        [lambda v, u_t, u_xx: u_t - 0.1 * u_xx + v, lambda v, u_xx: v + u_xx],  # v turns its sign
        [lambda u_t, v_xx: u_t - v_xx, lambda v_t, u_xx: v_t + u_xx],  # a wave
    ],
)
def test_nothing_is_said_where_the_way_is_not_certain(equations):
    fields = ("u", "v")[: len(equations)]
    for at in ("t.min", "t.max"):
        assert told(Rod(equations, [at], fields)) == []


def test_periods_and_observations_tell_of_a_field_as_well():
    heat = FORWARD["plain"]
    seen = Data(at={"x": [1.2, 1.5], "t": [0.2, 0.3]}, u=[0.0, 0.1])
    assert told(Rod([heat], ["t.max"], seen=seen)) == []
    assert told(Rod([heat], ["t.max"], again=Periodic("t", "u"))) == []


@pytest.mark.parametrize("problem", [BackwardHeat, FokkerPlanck, HamiltonJacobiBellman])
def test_problems_that_only_look_like_it_pass(problem):
    assert told(problem()) == []
