"""Conditions that cannot hold exactly stay terms, and it is told why."""

from math import pi

import pytest
import torch
from ansatz.posed import ROD, SQUARE, Posed, held, network
from torch import cos, sin

from pinn.ansatz import derive
from pinn.domains import Box, Curve, Disc, Polygon, Time
from pinn.residuals.exact_terms import exact_terms
from pinn.residuals.residuals import Residuals
from pinn.terms import Boundary, Dirichlet, Initial, Interior, Neumann, Robin
from pinn.trial.making import make_trial

CUBE = Box(**{f"x{i}": (0, 1) for i in range(1, 6)})
LAPLACE = Interior(lambda laplacian_u: laplacian_u)
TRIANGLE = Polygon([(0, 0), (1, 0), (0, 1)], edges=("a", "b", "c"))


@pytest.mark.parametrize(
    ("domain", "terms", "term", "reason"),
    [
        (
            SQUARE,
            {"lid": Dirichlet(u=1.0, on="y.max"), "walls": Dirichlet(u=0.0, on=("x.min", "x.max"))},
            "lid",
            "lid and walls disagree: u differs by 1 at y.max, x.min",
        ),
        (
            ROD,
            {"left": Dirichlet(u=lambda t: t, on="x.min"), "start": Initial(u=1.0, u_t=0.0)},
            "start",
            "left and start disagree: u_t differs by 1 at x.min, t.min",
        ),
        (
            SQUARE,
            {"part": Dirichlet(u=1.0, on="x.min", where=lambda y: y > 0.5)},
            "part",
            "it holds on a part of a side",
        ),
        (SQUARE, {"slip": Dirichlet(u_y=1.0, on="x.min")}, "slip", "u_y is no value or first normal derivative"),
        (SQUARE, {"coupled": Dirichlet(u=lambda v: v, on="x.min")}, "coupled", "its value depends on v"),
        (
            SQUARE,
            {"a": Dirichlet(u=0.0, on="x.min"), "b": Dirichlet(u=1.0, on="x.min")},
            "b",
            "x.min has another condition",
        ),
        (
            SQUARE,
            {"sum": Dirichlet(u=lambda y: torch.cumsum(y, 0), on="x.min")},
            "sum",
            "its value has no exact derivatives",
        ),
        (
            ROD,
            {"gas": Interior(lambda u_t, u_x: u_t + u_x), "start": Initial(u=lambda x: torch.where(x < 0.5, 1.0, 0.1))},
            "start",
            "its data have a jump at x = 0.5, which would stay there for good",
        ),
        (
            Disc(),
            {"rim": Dirichlet(u=lambda y: torch.where(y > 0.5, 1.0, 0.0), on="disc"), "equation": LAPLACE},
            "rim",
            "its data have a jump at y = 0.5, which would stay there for good",
        ),
        (
            ROD,
            {"heat": Interior(lambda u_t, u_xx: u_t - u_xx), "start": Initial(u=lambda x: 1 - torch.abs(x - 1))},
            "start",
            "its data have a kink at x = 1, which would stay there for good",
        ),
        (SQUARE, {"flux": Neumann(u=0.0, on="x.min")}, "flux", "exact only where all fields have one at x.min"),
        (
            ROD,
            {"flux": Neumann(u=lambda t: t, v=0.0, on="x.min"), "start": Initial(u=lambda x: -x, u_t=lambda x: -x)},
            "start",
            "its derivative along t meets data that depend on t",
        ),
        (
            TRIANGLE,
            {"a": Dirichlet(u=0.0, on="a"), "b": Dirichlet(u=lambda x: 1 - x, on="b")},
            "b",
            "sides with different data meet in vertices, where no smooth function blends them",
        ),
        (
            Polygon([(-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)]),
            {"edges": Dirichlet(u=0.0, on="polygon")},
            "edges",
            "vanishes inside the domain, too",
        ),
        (
            Curve(lambda s: (cos(2 * pi * s), sin(2 * pi * s) + 0.1 * sin(4 * pi * s))),
            {"rim": Dirichlet(u=0.0, on="curve")},
            "rim",
            "no smooth function is known that vanishes on curve",
        ),
        (
            Disc() | Disc((1, 0), name="other"),
            {"rim": Dirichlet(u=0.0, on=("disc", "other"))},
            "rim",
            "vanishes inside the domain, too",
        ),
        (
            SQUARE - Disc((0.5, 0), 0.2),
            {"hole": Dirichlet(u=0.0, on="disc"), "top": Dirichlet(u=1.0, on=SQUARE.sides)},
            "hole",
            "sides with different data meet in vertices",
        ),
        (Disc(), {"flux": Neumann(u=0.0, on="disc")}, "flux", "normal derivatives are exact on boxes only"),
        (
            CUBE,
            {"walls": Dirichlet(u=lambda x1: x1, on=CUBE.sides)},
            "walls",
            "data on so many sides would be evaluated 242 times a point",
        ),
    ],
)
def test_what_cannot_hold_exactly_stays_soft_and_says_why(domain, terms, term, reason):
    problem = Posed(domain, terms, ("u", "v"))
    found = derive(problem)
    assert reason in found.soft[term]
    assert term not in held(problem)


STEP = Box(x=(0, 6), y=(0, 2)) - Box(x=(0, 2), y=(0, 1)).named("step")


@pytest.mark.parametrize(
    ("inlet", "kept", "reason"),
    [
        (lambda y: y * (2 - y), {"inlet", "low", "high"}, {}),
        (
            lambda y: (y - 1) * (2 - y),
            {"low", "high"},
            {
                "inlet": "inlet and low disagree: u differs by 2 at x.min, y.min, "
                "outside the domain, where both are extended"
            },
        ),
        (
            lambda y: torch.sqrt(y - 1) * (2 - y),
            {"low", "high"},
            {"inlet": "its data are not finite along all of the box's x.min"},
        ),
    ],
)
def test_walls_of_a_channel_with_a_step_hold_and_the_step_is_left_to_the_loss(inlet, kept, reason):
    terms = {
        "inlet": Dirichlet(u=inlet, on="x.min"),
        "low": Dirichlet(u=0.0, on="y.min"),
        "high": Dirichlet(u=0.0, on="y.max"),
        "step": Dirichlet(u=0.0, on="step"),
    }
    problem = Posed(STEP, terms)
    assert held(problem) == kept
    assert derive(problem).soft == {
        "step": "the function that vanishes on step vanishes inside the domain, too",
        **reason,
    }
    inside = torch.as_tensor(STEP.interior_rule(256).points)
    trial = make_trial(problem, network)
    before = trial.evaluate(["u"], inside)["u"].detach()
    with torch.no_grad():
        trial.network.core.last.bias.add_(1.0)
    assert float((trial.evaluate(["u"], inside)["u"] - before).abs().min()) > 0  # the factor vanishes nowhere inside


def test_a_hole_that_a_function_is_known_for_holds_beside_one_without():
    domain = SQUARE.named("outer") - Disc((0.3, 0.3), 0.1, name="hole") - Box(x=(0.6, 0.8), y=(0.6, 0.8)).named("slot")
    terms = {side: Dirichlet(u=1.0, on=side) for side in ("outer", "hole", "slot")}
    problem = Posed(domain, terms)
    assert held(problem) == {"outer", "hole"}
    assert derive(problem).soft == {"slot": "the function that vanishes on slot vanishes inside the domain, too"}


def test_a_kink_that_no_equation_differentiates_twice_may_stay():
    """As of transport, whose solution keeps it."""
    terms = {"transport": Interior(lambda u_t, u_x: u_t + u_x), "start": Initial(u=lambda x: 1 - torch.abs(x - 1))}
    assert derive(Posed(ROD, terms)).soft == {}


def test_robin_and_general_conditions_are_not_spoken_of():
    terms = {"a": Robin(u=0.0, coefficients=(1.0, 1.0), on="x.min"), "b": Boundary(lambda u: u**2, on="x.max")}
    assert derive(Posed(SQUARE, terms)).soft == {}


def test_values_and_starts_hold_without_the_slopes_of_sides():
    terms = {
        "left": Dirichlet(u=2.0, on="x.min"),
        "right": Neumann(u=0.0, on="x.max"),
        "start": Initial(u=2.0, u_t=lambda x: sin(pi * x)),
    }
    problem = Posed(ROD, terms)
    trial = make_trial(problem, network, constraints="values")
    assert trial.constraints == "values"
    assert list(trial.ansatz.soft) == ["right"]
    assert not trial.ansatz.mirrored
    assert set(exact_terms(Residuals(trial))) == {"left", "start"}


def test_data_that_disagree_slightly_are_held_both():
    """A pulse that has died away to 2e-7 where the line is cut off."""
    far = Dirichlet(u=0.0, on=("x.min", "x.max"))
    slight = Posed(Box(x=(-4, 4)) * Time(t=(0, 1)), {"far": far, "start": Initial(u=lambda x: (-x * x).exp())})
    trial = make_trial(slight, network)
    assert not trial.ansatz.soft
    found = {one.prescriptions[0].field: one.share for one in trial.slight_disagreements}
    assert found == {"u": pytest.approx(1.1e-7, rel=0.1)}
    assert set(exact_terms(Residuals(trial))) == {"far", "start"}
    cut_short = Posed(Box(x=(-2, 2)) * Time(t=(0, 1)), {"far": far, "start": Initial(u=lambda x: (-x * x).exp())})
    assert make_trial(cut_short, network).ansatz.soft.keys() == {"far", "start"}
