"""Functionals of known fields against their closed forms."""

import math

import numpy as np
import pytest
import torch

from pinn.basis.arguments import argument_names
from pinn.basis.errors import UserError
from pinn.diagnosis.exact import exact_trial
from pinn.domains import Box, Disc, Parameters, Time
from pinn.functionals import Average, Balance, Flow, Maximum, Minimum, Probe, Profile, Total
from pinn.functionals.divergence import divergences
from pinn.problem import Problem
from pinn.solution.results import evaluation
from pinn.terms import Interior

ROUNDING = 1e-12  # Gauss rules are exact for these polynomials


class Flowing(Problem):
    """A flow without sources, u = x^2 y, v = -x y^2."""

    def __init__(self, domain=None):
        self.domain = domain or Box(x=(0, 2), y=(0, 1))
        self.fields = ("u", "v")

    def terms(self):
        return {"mass": Interior(lambda u_x, v_y: 3 * (u_x + v_y))}

    def exact(self, x, y):
        return {"u": x**2 * y, "v": -x * y**2}


class Rod(Problem):
    """u = x (1 - x) + 2 t x: what is stored, 2 x, and what flows, -u_x, make 2 x + 2."""

    def __init__(self):
        self.domain = Box(x=(0, 1)) * Time(t=(0, 3))
        self.fields = ("u",)

    def terms(self):
        return {"heat": Interior(lambda u_t, u_xx, x: u_t - u_xx - 2 * x - 2)}

    def exact(self, x, t):
        return x * (1 - x) + 2 * t * x


class Shaken(Problem):
    """u = nu x in a box with a parameter."""

    def __init__(self):
        self.domain = Box(x=(0, 1)) * Parameters(nu=(1, 3))
        self.fields = ("u",)

    def terms(self):
        return {"equation": Interior(lambda u_x, nu: u_x - nu)}

    def exact(self, x, nu):
        return nu * x


def read(functional, problem, share=1.0):
    return functional.reading(problem.domain, evaluation(exact_trial(problem)), share)


@pytest.mark.parametrize(
    ("functional", "expected"),
    [
        (Total("u"), 4 / 3),
        (Total(lambda u, v_y: u * v_y), -2 * 16 / 4 / 3),  # -2 x^3 y^2
        (Total("u", of=Box(x=(0, 1), y=(0, 1))), 1 / 6),
        (Average("u"), 2 / 3),
        (Average("v", on="y.max"), -1.0),
        (Average("x", where=lambda x: x > 1), 1.5),
        (Total("u_normal", on="x.max"), 2.0),  # 2 x y
        (Flow(x="u", y="v", on="x.max"), 2.0),
        (Flow(x="u", y=lambda v: v, on=("x.min", "x.max", "y.min", "y.max")), 0.0),
        (Maximum("u"), 4.0),
        (Minimum("v"), -2.0),
        (Maximum("u", on="y.max"), 4.0),
        (Maximum(lambda x, y: -((x - 0.3) ** 2) - (y - 0.7) ** 2), 0.0),
        (Probe("u_x", at={"x": 0.5, "y": 0.25}), 0.25),
        (Balance(x="u", y="v"), 0.0),
        (Balance(x="u", y=lambda v: 0.5 * v), 0.5),  # of what flows in through y = 1 half is told
    ],
)
def test_a_number(functional, expected):
    (value,) = read(functional, Flowing()).values
    on_nodes = isinstance(functional, Maximum) and functional.on is not None  # not at their ends
    limit = 2e-4 if on_nodes else 1e-8 if isinstance(functional, Maximum) else ROUNDING
    if isinstance(functional, Average) and functional.where is not None:
        limit = 0.02  # the nodes' distance, across which the predicate jumps
    assert abs(value - expected) < limit


def test_the_place_of_a_maximum():
    reading = read(Maximum(lambda x, y: -((x - 0.3) ** 2) - (y - 0.7) ** 2), Flowing())
    assert abs(reading.parts["x"] - 0.3) < 1e-4  # where it is flat to 1e-8
    assert abs(reading.parts["y"] - 0.7) < 1e-4


def test_on_a_curved_side():
    """The flux of (x, 0) out of a disc is its area."""
    problem = Flowing(Disc((0.5, 0.5), 0.4))
    assert abs(read(Flow(x="x", on="disc"), problem).values[0] - math.pi * 0.16) < ROUNDING


def test_with_time_there_is_a_number_at_each_moment():
    reading = read(Average("u"), Rod())
    assert reading.along == "t"
    assert (reading.places[0], reading.places[-1]) == (0.0, 3.0)
    np.testing.assert_allclose(reading.values, 1 / 6 + reading.places, rtol=ROUNDING)
    assert abs(read(Average("u", at={"t": 2.0}), Rod()).values - (1 / 6 + 2.0)) < ROUNDING
    hottest = read(Maximum("u"), Rod())
    inside = np.minimum((1 + 2 * hottest.places) / 2, 1.0)  # where the slope is zero, or the end
    np.testing.assert_allclose(hottest.values, inside * (1 - inside) + 2 * hottest.places * inside, atol=1e-8)
    probe = read(Probe("u", at={"x": 0.5}), Rod())
    np.testing.assert_allclose(probe.values, 0.25 + probe.places, rtol=ROUNDING)


def test_with_a_parameter_there_is_a_number_at_each_of_its_values():
    reading = read(Average("u"), Shaken())
    assert reading.along == "nu"
    np.testing.assert_allclose(reading.values, reading.places / 2, rtol=ROUNDING)


def test_a_line_is_cut_where_the_domain_ends():
    reading = read(Profile("u", start={"x": -1, "y": 0.5}, end={"x": 2, "y": 0.5}), Flowing())
    assert reading.along == "x"
    np.testing.assert_array_equal(np.isnan(reading.values), reading.places < 0)
    inside = reading.places >= 0
    np.testing.assert_allclose(reading.values[inside], 0.5 * reading.places[inside] ** 2, atol=ROUNDING)
    slanted = read(Profile("y", start={"x": 0, "y": 0}, end={"x": 1, "y": 1}), Flowing())
    assert slanted.along == "distance"
    np.testing.assert_allclose(slanted.values, slanted.places / math.sqrt(2), rtol=1e-12)
    last = read(Profile("u", start={"x": 0}, end={"x": 1}), Rod())
    assert abs(last.values[-1] - 6.0) < ROUNDING  # at the end of time


def test_a_balance_in_time():
    """-u_x = 2 x - 1 - 2 t flows: out 1 - 2 t at x = 1, in -1 - 2 t at x = 0; 1 is stored."""
    kept = read(Balance("u", x=lambda u_x: -u_x, source=lambda x: 2 * x + 2), Rod())
    assert np.abs(kept.values).max() < ROUNDING
    np.testing.assert_allclose(kept.parts["stored"], 1.0)
    np.testing.assert_allclose(kept.parts["produced"], 3.0)
    lost = read(Balance("u", x=lambda u_x: -u_x, source=lambda x: 2 * x), Rod())
    sizes = [np.abs(part).max() for part in lost.parts.values()]
    np.testing.assert_allclose(lost.values, 2.0 / max(sizes))


class Passing(Rod):
    """A pulse that passes through the middle and loses 1e-4 of itself on the way, u_t + u_x = -1e-4 u."""

    def exact(self, x, t):
        return {"u": torch.exp(-200.0 * (x - 0.4 - t / 15) ** 2 - 1e-4 * t)}


def test_what_is_on_its_way_is_no_small_flow():
    """Next to nothing flows through the ends: what is lost, 1e-4 a unit of time, is told by what there is over all."""
    reading = read(Balance("u", x=lambda u: u / 15), Passing())
    content, duration = math.sqrt(math.pi / 200), 3.0
    np.testing.assert_allclose(reading.parts["stored"], -1e-4 * content, rtol=0.02)
    assert (
        0.4 * 1e-4 * duration < np.abs(reading.values).max() < 1.1e-4 * duration
    )  # by its mean it differs less than 2


def test_closed_walls_are_no_large_flow():
    """An eddy in closed walls: what they leak, 2e-6, is told by the flow along them, of size one."""
    eddy_x = lambda x, y: torch.sin(math.pi / 2 * x) * torch.cos(math.pi * y) + 1e-6 * x  # noqa: E731
    eddy_y = lambda x, y: -0.5 * torch.cos(math.pi / 2 * x) * torch.sin(math.pi * y)  # noqa: E731
    (value,) = read(Balance(x=eddy_x, y=eddy_y), Flowing()).values
    assert 1e-7 < value < 1e-4


def test_no_slip_walls_are_no_large_flow():
    """An eddy that stands still at all walls, but for rounding, is told by the flow inside."""
    bump = lambda x, y: (x * (2 - x) * y * (1 - y)) ** 2  # noqa: E731
    eddy_x, eddy_y = (lambda x, y: bump(x, y) + 1e-16 * x), (lambda x, y: -bump(x, y) + 1e-16 * y)
    (value,) = read(Balance(x=eddy_x, y=eddy_y), Flowing()).values
    assert abs(value) < 1e-12
    leaking = lambda x, y: bump(x, y) + 0.1 * x  # noqa: E731
    (value,) = read(Balance(x=leaking, y=eddy_y), Flowing()).values
    assert abs(value) > 0.9


def test_a_source_that_cancels_as_a_whole_is_a_size_nevertheless():
    """Of an odd function nothing is produced, and of one that vanishes at its ends nothing flows: rounding is left."""
    (value,) = read(Balance(x=lambda x: 1e-17 * x, y=lambda y: 0 * y, source=lambda x: x - 1), Flowing()).values
    assert abs(value) < 1e-12
    (value,) = read(Balance(x=lambda x: 1e-17 * x, y=lambda y: 0 * y, source=lambda x: x - 0.9), Flowing()).values
    assert abs(value) > 0.9


class Breathing(Flowing):
    """A flow that comes and goes, sin(t) times that without sources, which stores nothing."""

    def __init__(self, lost=0.0):
        super().__init__(Box(x=(0, 2), y=(0, 1)) * Time(t=(0, 3)))
        self.lost = lost

    def exact(self, x, y, t):
        return {"u": torch.sin(t) * (x**2 * y - self.lost * x), "v": -torch.sin(t) * x * y**2}


def test_a_flow_in_time_that_stores_nothing_has_a_balance_at_each_moment():
    balance = Balance(x="u", y="v")
    reading = read(balance, Breathing())
    assert len(reading.values) == len(reading.places) > 1
    assert np.abs(reading.values).max() < ROUNDING
    lost = read(balance, Breathing(0.5))  # 1 of the 2 that flow in through y = 1, and 1 / 8 through x = 2
    np.testing.assert_allclose(
        balance.number(lost.values), 1 / 2.125, rtol=1e-3
    )  # nodes do not meet the change of sign


@pytest.mark.parametrize(
    ("residual", "flux"),
    [
        (lambda u_x, v_y: u_x + v_y, (2.0, 3.0)),
        (lambda u_x, v_y: -2 * (v_y + u_x), (2.0, 3.0)),
        (lambda u_x, v_y: u_x + 2 * v_y, (2.0, 6.0)),
        (lambda u_x, v_y: u_x + v_y - 1, (2.0, 3.0)),
        (lambda u_x, v_x: u_x + v_x, None),  # one component alone
        (lambda u_xx, v_yy: u_xx + v_yy, (-5.0, -7.0)),  # of gradients, which flow down
        (lambda laplacian_u, u: laplacian_u + u**3, (-5.0, -6.0)),
        (lambda u_x: u_x, None),
        (lambda u, u_x, v_y: u * (u_x + v_y), None),
        (lambda u_xx, v_yy: u_xx + torch.where(v_yy > 900.0, 2.0, 1.0) * v_yy, None),
        (lambda x, u_xx, u_yy: (1 + (x > 0.99)) * (u_xx + u_yy), None),  # in a thin part
        (lambda u_xy, v_yy: u_xy + v_yy, None),
    ],
)
def test_an_equation_in_divergence_form_has_a_balance(residual, flux):
    problem = Flowing()
    found = divergences({"mass": Interior(residual)}, problem.domain, problem.vocabulary)
    values = {"u": 2.0, "v": 3.0, "u_x": 5.0, "u_y": 6.0, "v_y": 7.0}
    told = [
        tuple(values[q] if isinstance(q, str) else q(*(values[name] for name in argument_names(q))) for q in parts)
        for parts in (balance.flux.values() for balance in found.values())
    ]
    assert told == ([] if flux is None else [flux])


def test_the_balance_of_heat_has_what_is_stored_and_produced():
    """Rod: u_t = 1 is stored, -2 u_x flows, and 3 u_t - 6 u_xx - 9 x is three times its equation."""
    problem = Rod()
    heat = {"heat": Interior(lambda x, u_t, u_xx: 3 * u_t - 6 * u_xx - 9 * x)}
    (balance,) = divergences(heat, problem.domain, problem.vocabulary).values()
    assert balance.content == "u"
    assert balance.flux["x"](5.0) == -10.0
    assert balance.source(torch.tensor(2.0)) == 6.0


class Asking(Rod):
    """What a test asks."""

    def __init__(self, asked):
        super().__init__()
        self.asked = asked

    def results(self):
        return self.asked


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (None, "Asking.results must return a dict of functionals by name"),
        ({"mean": 1.0}, "'mean' in Asking.results must be such as pinn.Average"),
        ({"a/b": Average("u")}, "a name is a text such as 'drag'"),
        ({"mean": Average("w")}, "'w' in 'mean' in Asking.results: not a name"),
        ({"heat": Total("u_normal")}, "'u_normal' in 'heat' in Asking.results needs sides"),
        ({"heat": Total("u_normal", on="left")}, "no side 'left'; the sides are x.min, x.max"),
        ({"flow": Flow(y="u", on="x.max")}, "components along y; the coordinates of space are x"),
        ({"probe": Probe("u", at={"t": 1.0})}, "a probe needs at= with x"),
        ({"probe": Probe("u", at={"x": 2.0})}, "x = 2 is not in"),
        ({"mean": Average("u", at={"y": 1.0})}, "at= names y; the coordinates are x, t"),
        ({"cut": Profile("u", start={"x": 0}, end={"y": 1})}, "start and end of a line need x, got y"),
        ({"cut": Profile("u", start={"x": 0}, end={"x": 0})}, "the line's start is its end"),
    ],
)
def test_mistakes_are_told_before_the_run(asked, message):
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        Asking(asked).check_complete()


def test_nothing_is_stored_without_time():
    with pytest.raises(UserError, match="nothing is stored where there is no time; leave 'u' out"):
        Balance("u", x="u", y="v").check(Flowing().domain, Flowing().vocabulary, "it")
