"""One solution, many or none: and how far each term is missed."""

from functools import partial

import pytest
import torch
from torch import sin

from pinn.diagnosis.posedness import posedness
from pinn.domains.box import Box, Time
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.terms.conditions import Dirichlet, Initial, Interior, Neumann, Robin
from pinn.terms.data import Data
from pinn.terms.integrals import Integral
from pinn.trial.making import make_trial

SQUARE = Box(x=(0, 1), y=(0, 1))
ROD = Box(x=(0, 1)) * Time(t=(0, 1))
POISSON = Interior(lambda laplacian_u: laplacian_u + 1.0)
HEAT = Interior(lambda u_t, u_xx: u_t - 0.1 * u_xx)
COLD = Dirichlet(u=0.0, on=("x.min", "x.max"))


class Posed(Problem):
    """Any terms of one field u."""

    def __init__(self, domain, terms, unknowns=None):
        self.domain, self.fields, self._terms, self.unknowns = domain, ("u",), terms, unknowns or {}

    def terms(self):
        return self._terms


def looked_at(domain, terms, unknowns=None, constraints="hard", zero=False, shrunk=0.0):
    torch.manual_seed(0)
    trial = make_trial(Posed(domain, terms, unknowns), partial(MLP, width=8, depth=2), constraints=constraints)
    if zero:
        trial.load_parameters({name: shrunk * values for name, values in trial.parameters().items()})
    return posedness(trial)


@pytest.mark.parametrize("constraints", ["hard", "soft"])
@pytest.mark.parametrize(
    ("domain", "terms"),
    [
        (SQUARE, {"poisson": POISSON, "walls": Dirichlet(u=0.0, on=SQUARE.sides)}),
        (SQUARE, {"poisson": POISSON, "walls": Robin(u=0.0, coefficients=(1.0, 1.0), on=SQUARE.sides)}),
        (ROD, {"heat": HEAT, "ends": COLD, "start": Initial(u=lambda x: x * (1 - x))}),
        (Time(t=(0, 2)), {"decay": Interior(lambda u, u_t: u_t + u), "start": Initial(u=1.0)}),
        (
            SQUARE,
            {"poisson": POISSON, "walls": Neumann(u=-0.25, on=SQUARE.sides), "mean": Integral("u", 0.0)},
        ),
    ],
)
def test_a_well_posed_problem(domain, terms, constraints):
    found = looked_at(domain, terms, constraints=constraints)
    assert (found.free, found.contradictory, found.homogeneous) == ((), (), False)
    assert not list(found.reasons())


@pytest.mark.parametrize(
    ("domain", "terms"),
    [
        (ROD, {"heat": HEAT, "ends": Dirichlet(u=1.0, on=("x.min", "x.max"))}),  # no start
        (SQUARE, {"poisson": POISSON, "walls": Neumann(u=-0.25, on=SQUARE.sides)}),  # up to a constant
    ],
)
def test_one_of_many_solutions(domain, terms):
    found = looked_at(domain, terms)
    assert found.free == ("u",)
    assert next(found.reasons()).text.startswith("one of many solutions: u can change")


def test_coefficients_of_which_the_product_alone_is_known():
    terms = {
        "steady": Interior(lambda u_xx, k, c: k * c * u_xx + 1),
        "ends": COLD,
        "flux": Neumann(u=-0.5, on="x.max"),
    }
    assert set(looked_at(Box(x=(0, 1)), terms, {"k": 1.0, "c": 2.0}).free) == {"k", "c"}
    known = {**terms, "steady": Interior(lambda u_xx, k: k * u_xx + 1)}
    assert looked_at(Box(x=(0, 1)), known, {"k": 1.0}).free == ()


def test_data_that_contradict_each_other():
    """A flux into each side of a square without a sink, and two values on one side."""
    found = looked_at(SQUARE, {"poisson": POISSON, "walls": Neumann(u=0.0, on=SQUARE.sides)}, zero=True)
    assert found.contradictory == ("poisson",)
    twice = {"poisson": POISSON, "walls": Dirichlet(u=0.0, on=SQUARE.sides), "left": Dirichlet(u=1.0, on="x.min")}
    assert looked_at(SQUARE, twice).contradictory == ("left",)


def test_zero_that_satisfies_every_term():
    found = looked_at(Box(x=(0, 1)), {"wave": Interior(lambda u, u_xx, E: u_xx + E * u), "ends": COLD}, {"E": 5.0})
    assert found.homogeneous
    normed = {"wave": Interior(lambda u, u_xx, E: u_xx + E * u), "ends": COLD, "norm": Integral(lambda u: u**2, 1.0)}
    assert not looked_at(Box(x=(0, 1)), normed, {"E": 5.0}).homogeneous


def test_next_to_zero_a_norm_contradicts_nothing():
    """Around zero no change of u moves int u^2: a stationary point of the loss, not a problem without a solution."""
    normed = {"wave": Interior(lambda u, u_xx, E: u_xx + E * u), "ends": COLD, "norm": Integral(lambda u: u**2, 1.0)}
    found = looked_at(Box(x=(0, 1)), normed, {"E": 5.0}, zero=True, shrunk=1e-9)
    assert found.contradictory == ()


def test_a_condition_is_missed_by_its_own_size_in_any_unit():
    """Data a thousand times larger on a side that the network does not know of."""
    shares = []
    for unit in (1.0, 1000.0):
        start = Initial(u=lambda x, unit=unit: unit * sin(3.14159 * x))
        problem = Posed(ROD, {"heat": Interior(lambda u_t, u_xx: u_t - 0.1 * u_xx), "start": start})
        trial = make_trial(problem, partial(MLP, width=8, depth=2), constraints="soft")
        trial.load_parameters(
            {name: v * 0 + 0.5 * unit * (name == "core.last.bias") for name, v in trial.parameters().items()}
        )
        shares.append(posedness(trial).missed["start"])
    assert shares[0] > 0.4  # a constant: nothing of the data's shape
    assert shares[1] == pytest.approx(shares[0], rel=1e-6)


def test_a_second_field_without_a_condition():
    """Of which a truncated basis of features sees the change less and less."""

    class System(Posed):
        def __init__(self, terms):
            super().__init__(Box(x=(0, 1)), terms)
            self.fields = ("u", "v")

    terms = {
        "slope": Interior(lambda u_x, v: u_x - v),
        "bent": Interior(lambda v_x: v_x - 1.0),
        "left": Dirichlet(u=0.0, on="x.min"),
    }
    torch.manual_seed(0)
    found = posedness(make_trial(System(terms), partial(MLP, width=8, depth=2)))
    assert set(found.free) == {"u", "v"}
    torch.manual_seed(0)
    known = {**terms, "flat": Dirichlet(v=0.0, on="x.max")}
    assert posedness(make_trial(System(known), partial(MLP, width=8, depth=2))).free == ()


def test_an_unknown_is_determined_to_its_standard_error():
    """k u'' = -1: u = x (1 - x) / (2 k), so that noise s at n places leaves k s / ||u(x_i)|| open."""

    at = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    u = at * (1 - at)
    for noise in (0.01, 2.0):
        seen = Data({"x": at.numpy()}, u=u.numpy(), noise=noise)
        terms = {"steady": Interior(lambda u_xx, k: k * u_xx + 1), "seen": seen, "ends": COLD}
        torch.manual_seed(0)
        problem = Posed(Box(x=(0, 1)), terms, {"k": 0.5})
        problem.ansatz = lambda x, u: {"u": x * (1 - x) * (1 + u)}
        trial = make_trial(problem, partial(MLP, width=8, depth=2))
        trial.load_parameters(
            {name: 0.0 * v if name.startswith("core.last") else v for name, v in trial.parameters().items()}
        )
        found = posedness(trial)
        (k,) = found.unknowns
        expected = 0.5 * noise / float(u.norm())
        assert k.error == pytest.approx(expected, rel=0.1)  # the equation holds to a part in a thousand
        assert found.spread["u"] == pytest.approx(noise / float(u.norm()), rel=0.1)
        assert ("not determined" in k.reason.text) == (expected > 0.5)
    assert looked_at(Box(x=(0, 1)), {"steady": Interior(lambda u_xx: u_xx + 1), "ends": COLD}).spread == {}


def test_data_against_the_equation_at_their_least_loss():
    """u'' = 0 from 0 to 0, and data of a parabola: where the loss is least the equation gives nothing away."""
    at = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    terms = {"line": Interior(lambda u_xx: u_xx), "seen": Data({"x": at.numpy()}, u=(at * (1 - at)).numpy())}
    assert looked_at(Box(x=(0, 1)), terms | {"ends": COLD}).contradictory == ()  # far from it


def test_an_ansatz_that_holds_data_is_not_homogeneous():
    problem = Posed(ROD, {"heat": HEAT, "ends": COLD})
    for start, homogeneous in ((1.0, False), (0.0, True)):
        problem.ansatz = lambda x, t, u, start=start: {"u": start * sin(torch.pi * x) + t * x * (1 - x) * u}
        found = posedness(make_trial(problem, partial(MLP, width=8, depth=2)))
        assert found.homogeneous is homogeneous
