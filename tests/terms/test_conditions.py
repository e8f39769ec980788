"""Each kind of condition: its formula against closed forms, its Jacobian, and its errors."""

from dataclasses import replace
from functools import partial
from math import pi

import numpy as np
import pytest
import torch
from agreement import assert_agree
from torch import cos, exp, sin
from torch.func import jacrev

from pinn.basis.errors import UserError
from pinn.diagnosis.exact import exact_trial
from pinn.domains import Annulus, Box, Disc, Parameters, Time
from pinn.networks import MLP
from pinn.problem import Problem, derived
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling import SobolSampler
from pinn.terms import (
    Boundary,
    Data,
    Dirichlet,
    Flux,
    Initial,
    Integral,
    Interface,
    Interior,
    Mean,
    Neumann,
    Observation,
    Periodic,
    Pin,
    Robin,
)
from pinn.trial.making import make_trial

PLATE = Box(x=(0, 2), y=(-1, 1))
PLACES = {"x": [0.5, 1.5, 2.0], "y": [0.0, -1.0, 0.25]}


class Fields(Problem):
    """Two fields on a plate with closed forms, and the conditions that a test is about."""

    def __init__(self, terms, domain=PLATE) -> None:
        self.domain = domain
        self.fields = ("u", "v")
        self.given = terms

    def terms(self):
        return self.given

    @derived
    def energy(self, u_x, v):
        return u_x**2 + v

    def exact(self, x, y):
        return {"u": x**2 * y + y**2, "v": x * exp(y)}


class Moving(Fields):
    """The same with time."""

    def __init__(self, terms) -> None:
        super().__init__(terms, Box(x=(0, 2), y=(-1, 1)) * Time(t=(0, 3)))

    def exact(self, x, y, t):
        return {"u": x**2 * y + y**2 + t, "v": x * exp(y) * cos(t)}


def drawn(residuals, boundary=7):
    sampler, generator = SobolSampler(interior=9, boundary=boundary), torch.Generator().manual_seed(0)
    domain = residuals.trial.problem.domain
    return {label: sampler.draw(domain, group.region, generator) for label, group in residuals.regions.items()}


def at_exact(terms, problem=Fields, engine="taylor"):
    """The residuals of the closed forms by block, and the points by region."""
    residuals = Residuals(exact_trial(problem(terms), engine))
    points, parameters = drawn(residuals), residuals.trial.parameters()
    found = {}
    for label, group in residuals.regions.items():
        values = residuals.region_values(group, points[label], parameters)
        found |= {block.name: value for block, value in zip(group.blocks, values, strict=True)}
    return found, points


# Conditions that the closed forms satisfy, and how far off they are where their value is one too large.
TRUE = {
    "neumann": lambda e: Neumann(u=lambda y, normal_x: 4 * y * (normal_x > 0) + e, on=("x.min", "x.max")),
    "neumann of two": lambda e: Neumann(u=lambda x: x**2 + 2 + e, v=lambda x: np.e * x + e, on="y.max"),
    "robin": lambda e: Robin(u=lambda y: 3 * (4 * y + y**2) + 2 * 4 * y + e, coefficients=(3.0, 2.0), on="x.max"),
    "robin by functions": lambda e: Robin(
        u=lambda y: y * (4 * y + y**2) + 8 * y + e, coefficients=(lambda y: y, lambda x: x), on="x.max"
    ),
    "boundary": lambda e: Boundary(lambda u_normal, x: u_normal - x**2 - 2 - e, on="y.max"),
    "derived": lambda e: Neumann(energy=lambda y: 16 * y**2 + exp(y) + e, on="x.max"),
    "interface": lambda e: Interface(
        ("u", "v"),
        Box(x=(0, 1), y=(-1, 1)),
        on="x.max",
        jump=lambda y: y + y**2 - exp(y) + e,
        conductivities=(2.0, lambda y: y),
        flux_jump=lambda y: 4 * y - y * exp(y) + e,
    ),
    "part": lambda e: Interior(lambda u_xx, y: u_xx - 2 * y - e, inside=Box(x=(0, 1), y=(0, 0.5))),
    "where": lambda e: Dirichlet(u=lambda x, y: x**2 * y + y**2 + e, on=PLATE.sides, where=lambda x: x > 1),
    "pin": lambda e: Pin(at={"x": 1, "y": 0.5}, u=0.75 + e, v=np.exp(0.5) + e),
    "mean": lambda e: Mean(u=1 / 3 + e),
    "integral": lambda e: Integral("u", 4 / 3 + 4 * e),
    "integral of a function": lambda e: Integral(lambda u, x: u * x, 4 / 3 + 4 * e),
    "integral of a part": lambda e: Integral("u_x", 0.5 + e, of=Box(x=(0, 1), y=(0, 1)), nodes=9),
    "integral over sides": lambda e: Integral("u_normal", 8.0 + e, on=PLATE.sides),
    "flux": lambda e: Flux(x="u", y="v", on=("x.max", "y.max"), value=2 / 3 + 2 * np.e + e),
    "data": lambda e: Data(at=PLACES, u=np.array([0.0, -1.25, 1.0625]) + e),
    "observation": lambda e: Observation(lambda u_x, y: u_x + y, PLACES, np.array([0.0, -4.0, 1.25]) + e),
}


@pytest.mark.parametrize("engine", ["taylor", "reverse"])
@pytest.mark.parametrize("name", TRUE)
def test_a_true_condition_vanishes_and_a_false_one_does_not(name, engine):
    """Integrals are of polynomials, for which the quadrature is exact, or of e^y, to rounding with 20 nodes."""
    right, _ = at_exact({"term": TRUE[name](0.0)}, engine=engine)
    wrong, _ = at_exact({"term": TRUE[name](1.0)}, engine=engine)
    for block, values in right.items():
        assert float(values.abs().max()) < 2e-13, block  # rounding of values up to 20
        off = {"integral": 4.0, "integral of a function": 4.0}.get(name, 1.0)
        assert_agree(wrong[block].abs(), torch.full_like(values, off), block)


def test_integrals_hold_at_each_moment():
    terms = {
        "mean": Mean(u=lambda t: 1 / 3 + t, moments=5),
        "flux": Flux(x="v", on="x.max", value=lambda t: 2 * (np.e - 1 / np.e) * cos(t), moments=6),
        "half": Integral("u", lambda t: 2 * t + 1.5, where=lambda y: y > 0, nodes=40000, moments=2),
        "pin": Pin(at={"x": 2, "y": 0}, v=lambda t: 2 * cos(t), moments=4),
        "instant": Pin(at={"x": 2, "y": 0, "t": 1}, u=1.0),
    }
    values, points = at_exact(terms, Moving)
    assert [len(values[name]) for name in terms] == [5, 6, 2, 4, 1]
    for name in ("mean", "flux", "pin", "instant"):
        assert float(values[name].abs().max()) < 1e-13, name
    # the integral of x^2 y + y^2 over y > 0 is 4/3 + 2/3 and of t 2 t: 0.5 more than was asked for
    assert float((values["half"] - 0.5).abs().max()) < 1e-4  # half of a rule of 200 nodes is of order 1 / 200^2
    times = points["integral over interior"].x[:, 2].reshape(-1, 5)
    assert bool((times == times[0]).all()) and len(times[0].unique()) == 5


class Heat(Problem):
    """One field on any domain, with parameters and time perhaps."""

    def __init__(self, domain, terms) -> None:
        self.domain = domain
        self.fields = ("u",)
        self.given = terms

    def terms(self):
        return self.given


def exact(problem, function):
    """The residuals of a closed form, by block."""
    problem.exact = function
    residuals = Residuals(exact_trial(problem))
    points, found = drawn(residuals), {}
    for label, group in residuals.regions.items():
        values = residuals.region_values(group, points[label], residuals.trial.parameters())
        found |= {block.name: value for block, value in zip(group.blocks, values, strict=True)}
    return found


def test_integrals_over_curved_domains_and_with_parameters():
    ring = Annulus(inner=0.5, outer=1.0, name="ring") * Time(t=(0, 2))
    terms = {
        "mean": Mean(u=lambda t: t + 0.625, nodes=4096, moments=3),
        "flux": Integral("u_normal", 2 * 2 * pi, on="ring.outer", moments=3),
        "hole": Integral("u_normal", -2 * 0.25 * 2 * pi, on="ring.inner", moments=3),
    }
    values = exact(Heat(ring, terms), lambda x, y, t: x**2 + y**2 + t)
    assert [len(value) for value in values.values()] == [3, 3, 3]
    # the mean of r^2 by 4096 Sobol points; fluxes are constant along the circles
    assert float(values["mean"].abs().max()) < 1e-3
    assert float(values["flux"].abs().max()) < 1e-12
    assert float(values["hole"].abs().max()) < 1e-12

    slab = Box(x=(0, 1)) * Parameters(k=(1, 2)) * Time(t=(0, 1))
    terms = {"mean": Mean(u=lambda k, t: k / 3 + t, moments=4), "pin": Pin(at={"x": 0}, u=lambda t: t, moments=5)}
    values = exact(Heat(slab, terms), lambda x, k, t: k * x**2 + t)
    assert [len(value) for value in values.values()] == [4, 5]
    assert max(float(value.abs().max()) for value in values.values()) < 1e-14
    with pytest.raises(UserError, match=r"integrals over domains with parameters \(k\) are known for boxes only"):
        exact(Heat(Disc() * Parameters(k=(1, 2)), {"mean": Mean(u=0.0)}), lambda x, y, k: x)


def test_noise_is_the_weight_of_data():
    terms = {"data": Data(at=PLACES, u=[0.0, 0.0, 0.0], v=1.0, noise={"u": [0.1, 1.0, 10.0], "v": 2.0})}
    values, _ = at_exact(terms)
    assert_agree(values["data.u"], torch.tensor([0.0, -1.25, 1.0625]).double() / torch.tensor([0.1, 1, 10]).double())
    x, y = (torch.tensor(PLACES[name], dtype=torch.float64) for name in ("x", "y"))
    assert_agree(values["data.v"], (x * exp(y) - 1) / 2)


def test_the_normal_derivative_leaves_time_out():
    values, _ = at_exact({"walls": Neumann(u=0.0, on="x.max"), "start": Initial(u_t=1.0)}, Moving)
    assert float(values["start"].abs().max()) < 1e-14
    residuals = Residuals(exact_trial(Moving({"walls": Neumann(u=0.0, on="x.max")})))
    assert set(residuals.regions["x.max"].request.quantities) == {"u_normal", "u_x", "u_y", "normal_x", "normal_y"}


EVERY = {
    "equation": Interior(lambda u_xx, v_y: u_xx + v_y),
    "part": Interior(lambda u, v: u * v, inside=Box(x=(0, 1), y=(0, 0.5)), where=lambda x: x < 0.7),
    "insulated": Neumann(u=0.0, on="x.min"),
    "cooled": Robin(v=lambda y: sin(pi * y), coefficients=(1.0, lambda y: 1 + y**2), on="x.max"),
    "interface": Interface(("u", "v"), Box(x=(0, 1), y=(-1, 1)), on="x.max", conductivities=(2.0, 3.0)),
    "seam": Periodic("y", ("u", "u_y")),
    "mean": Mean(u=0.0, nodes=16),
    "flux": Flux(x="u", y="v", on=("x.max", "y.max"), value=1.0, nodes=4),
    "pin": Pin(at={"x": 0, "y": 0}, v=1.0),
    "data": Data(at=PLACES, u=[1.0, 2.0, 3.0], energy=[0.0, 0.0, 1.0], noise=0.1),
    "speed": Observation(lambda u, v: (u**2 + v**2) ** 0.5, PLACES, [1.0, 2.0, 3.0], noise=[0.1, 0.2, 0.3]),
}


@pytest.mark.parametrize("engine", ["captured", "reference"])
@pytest.mark.parametrize("chunk", [None, 3])
def test_the_jacobian_of_every_condition(engine, chunk):
    torch.manual_seed(0)
    trial = make_trial(Fields(EVERY), partial(MLP, width=6, depth=2), constraints="soft")
    residuals = Residuals(trial)
    bound, theta = bind(residuals, drawn(residuals), Assembly(engine, chunk)), residuals.theta()
    r, j = bound.jacobian(theta)
    assert len(r) == 9 + 9 + 7 + 7 + 2 * 7 + 2 * 7 + 1 + 1 + 1 + 2 * 3 + 3
    assert_agree(r, bound.residual(theta), "r")
    assert_agree(j, jacrev(bound.residual)(theta), "J")
    assert (j != 0).any(1).all()
    assert bound.loss(theta) == pytest.approx(float(r @ r), rel=1e-13)
    assert_agree(bound.loss_and_gradient(theta)[1], 2 * j.mT @ r, "gradient")
    assert not any(bound.is_coupled(label) for label in bound.points)


def test_rows_have_weights_of_their_own():
    trial = make_trial(Fields(EVERY), partial(MLP, width=6, depth=2), constraints="soft")
    residuals = Residuals(trial, weights={"equation": 3.0})
    plain = drawn(residuals)
    weight = torch.linspace(0.2, 1.8, 9, dtype=torch.float64)
    points = plain | {"interior": replace(plain["interior"], weight=weight)}
    theta = residuals.theta()
    r, j = (a.clone() for a in bind(residuals, points).jacobian(theta))
    expected_r, expected = (a.clone() for a in bind(residuals, plain).jacobian(theta))
    assert_agree(r[:9], weight.sqrt() * expected_r[:9], "r")
    assert_agree(j[:9], weight.sqrt()[:, None] * expected[:9], "J")
    assert_agree(r[9:], expected_r[9:], "the other rows")
    assert bind(residuals, points).identity != bind(residuals, plain).identity
    assert float(bind(residuals, points).loss(theta)) == pytest.approx(float(r @ r), rel=1e-13)
    means = bind(residuals, points).mean_squares(theta)
    assert float(sum(residuals.weights[block] * mean for block, mean in means.items())) == pytest.approx(float(r @ r))


TIMED = Box(x=(0, 2), y=(-1, 1)) * Time(t=(0, 3))


def test_walls_are_the_sides_of_space():
    assert TIMED.walls == ("x.min", "x.max", "y.min", "y.max")
    assert PLATE.walls == PLATE.sides
    assert Dirichlet(u=0.0, on=TIMED.walls).region(TIMED).sides == TIMED.walls
    assert Dirichlet(u=0.0, on=("t.min", "t.max")).region(TIMED).sides == ("t.min", "t.max")
    with pytest.raises(UserError, match=r"at the beginning and the end of t; try on=self.domain.walls, the sides of"):
        Dirichlet(u=0.0, on=TIMED.sides).region(TIMED)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Neumann(on="x.min"), "Neumann prescribes nothing; try Neumann"),
        (lambda: Neumann(u=0.0), "Neumann needs on="),
        (lambda: Neumann(u=0.0, on="left"), "no side 'left'; the sides are x.min, x.max, y.min, y.max"),
        (lambda: Neumann(u=0.0, on=()), "no side"),
        (lambda: Neumann(w=0.0, on="x.min"), "'w_normal' in w_normal = 0: not a name"),
        (lambda: Robin(u=0.0, on="x.min", coefficients=(1.0,)), "coefficients=(a, b)"),
        (lambda: Dirichlet(u=0.0, on="x.min", where=lambda z: z > 0), "where= asks for z; the coordinates are x, y"),
        (lambda: Dirichlet(u=0.0, on="x.min", where=True), "where= must be a function"),
        (lambda: Dirichlet(u=0.0, on="x.min", where=lambda y: y > 9), "selects no points"),
        (lambda: Interior(lambda u: u, where=lambda x: x > 9), "interior where <lambda> selects no points"),
        (lambda: Interior(lambda u_normal: u_normal), "known on a boundary only"),
        (lambda: Interior(lambda u: u, inside=Box(x=(0, 1))), "a part must have the domain's coordinates x, y, got x"),
        (lambda: Interior(lambda u: u, inside=Box(x=(0, 3), y=(0, 1))), "a part must lie in the domain"),
        (lambda: Interior(lambda u: u, inside="left"), "a part of the domain must be a domain, got 'left'"),
        (lambda: Interface(("u",), PLATE), "joins two fields"),
        (lambda: Initial(u=0.0), "needs a time coordinate"),
        (lambda: Pin(at={"x": 0}, u=0.0), "Pin needs at= with the coordinates x, y, got x"),
        (lambda: Pin(at={"x": 5, "y": 0}, u=0.0), "Pin lies outside the domain: x = 5 not in [0, 2]"),
        (lambda: Pin(at={"x": 5, "y": 0}), "Pin prescribes nothing"),
        (lambda: Mean(), "Mean prescribes nothing"),
        (lambda: Mean(u=0.0, nodes=0), "nodes and moments must be >= 1"),
        (lambda: Flux(on="x.max"), "Flux prescribes nothing"),
        (lambda: Integral("u", where=lambda x: x > 9), "integral over interior where <lambda> selects no points"),
        (lambda: Data(at={"x": [1]}, u=[1]), "at= with the coordinates x, y, got x"),
        (lambda: Data(at=PLACES), "Data prescribes nothing"),
        (lambda: Data(at={"x": [], "y": []}, u=[]), "at least one place"),
        (lambda: Data(at={"x": [9, 1], "y": [0, 0]}, u=1), "1 of 2 places of data lie outside the domain (x in [0, 2]"),
        (lambda: Data(at=PLACES, u=[1, 2]), "u of data must be 3 numbers, one a place, got 2"),
        (lambda: Data(at=PLACES, u=[1, 2, float("nan")]), "1 of 3 numbers of u are not finite"),
        (lambda: Data(at=PLACES, u="many"), "u of data must be numbers, got str"),
        (lambda: Data(at=PLACES, u=1.0, noise=0.0), "noise of u must be > 0, got 0"),
        (lambda: Data(at=PLACES, u=1.0, noise={"v": 1.0}), "noise names v; it needs a number for u"),
        (lambda: Observation(lambda w: w, PLACES, 1.0), "'w' in"),
        (lambda: Periodic("x", ()), "Periodic equates nothing"),
        (lambda: Periodic("x", "u", harmonics=0), "harmonics must be >= 1"),
    ],
)
def test_mistakes_are_explained(make, message):
    with pytest.raises(UserError) as caught:
        at_exact({"term": make()})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_normal_derivative_in_a_derived_quantity_is_refused():
    class Wrong(Fields):
        @derived
        def flux(self, u_normal):
            return u_normal

    with pytest.raises(UserError, match=r"'u_normal' in flux\(\): known to residuals only"):
        at_exact({"term": Boundary(lambda flux: flux, on="x.max")}, Wrong)
