"""Nothing is found where nothing is wrong."""

import pytest
from diagnosis.planted import (
    AT,
    BALANCED,
    COLD,
    ENDS,
    FLAT,
    HEAT,
    HUMP,
    HUMP_KNOWN,
    LEFT,
    LINE,
    ROD,
    SOFT,
    SQUARE,
    TIME,
    Planted,
    Run,
    seen,
)
from torch import cos, pi, sin

from pinn.domains.box import Time
from pinn.terms.conditions import Dirichlet, Initial, Interior, Robin
from pinn.terms.coupling import Periodic
from pinn.terms.data import Data

pytestmark = [pytest.mark.estimates, pytest.mark.usefixtures("short_estimates")]
slow = pytest.mark.slow
RING = Planted(
    LINE,
    {"steady": Interior(lambda u, u_xx, x: u_xx - u + sin(2 * pi * x)), "round": Periodic("x", ("u", "u_x"))},
)

SOLVED = [
    pytest.param(
        Planted(
            ROD,
            {"heat": HEAT, "ends": Dirichlet(u=293.0, on=ENDS), "start": Initial(u=lambda x: 293 + 0.5 * sin(pi * x))},
        ),
        Run(),
        id="a large offset",
    ),
    pytest.param(
        Planted(LINE, {"line": Interior(lambda u_xx: u_xx), "left": LEFT, "right": Dirichlet(u=1.0, on="x.max")}),
        Run(),
        id="one term",
    ),
    pytest.param(
        Planted(LINE, {"line": Interior(lambda u_xx: u_xx), "left": LEFT, "right": Dirichlet(u=1.0, on="x.max")}),
        SOFT,
        id="one term, soft",
        marks=slow,
    ),
    pytest.param(
        Planted(ROD, {"heat": HEAT, "ends": Dirichlet(u=5.0, on=ENDS), "start": Initial(u=5.0)}), Run(), id="a constant"
    ),
    pytest.param(
        Planted(ROD, {"heat": HEAT, "ends": Dirichlet(u=5.0, on=ENDS), "start": Initial(u=5.0)}),
        SOFT,
        id="a constant, soft",
        marks=slow,
    ),
    pytest.param(
        Planted(
            SQUARE,
            {
                "laplace": Interior(lambda laplacian_u: laplacian_u),
                "cold": Dirichlet(u=0.0, on=("x.min", "x.max", "y.min")),
                "top": Dirichlet(u=lambda x: sin(pi * x), on="y.max"),
            },
        ),
        Run(steps=30),
        id="one condition that is not zero",
    ),
    pytest.param(
        Planted(TIME, {"decay": Interior(lambda u, u_t: u_t + 3 * u), "start": Initial(u=1.0)}), Run(), id="decay"
    ),
    pytest.param(
        Planted(
            Time(t=(0, 3)),
            {
                "a": Interior(lambda u_t, v: u_t - v),
                "b": Interior(lambda v_t, u: v_t + u),
                "start": Initial(u=1.0, v=0.0),
            },
            ("u", "v"),
        ),
        Run(),
        id="a system",
    ),
    pytest.param(Planted(ROD, {"heat": HEAT, "ends": COLD, "start": HUMP}, **HUMP_KNOWN), Run(), id="heat"),
    pytest.param(
        Planted(ROD, {"heat": HEAT, "ends": COLD, "start": HUMP}, **HUMP_KNOWN),
        Run(steps=60, settings={"constraints": "soft"}),
        id="heat, soft",
    ),
    pytest.param(
        Planted(
            LINE,
            {
                "steady": Interior(lambda u_xx: u_xx + 1.0),
                "left": LEFT,
                "right": Robin(u=0.0, coefficients=(1.0, 1.0), on="x.max"),
            },
        ),
        Run(),
        id="robin",
    ),
    pytest.param(RING, Run(), id="periodic"),
    pytest.param(
        RING,
        SOFT,
        id="periodic, soft",
        marks=slow,
    ),
    pytest.param(
        Planted(
            LINE,
            {"a": Interior(lambda u_xx, k: k * u_xx + 1), "ends": COLD, "seen": seen(0.01)},
            unknowns={"k": 1.0},
        ),
        Run(settings={"weights": {"a": 1e4}}),
        id="a coefficient from noisy data",
    ),
    pytest.param(
        Planted(
            TIME,
            {
                "large": Interior(lambda u, u_t, t: u_t + u - 1e3 * cos(2 * t)),
                "small": Interior(lambda u, v, v_t: v_t + v - 1e-6 * u),
                "start": Initial(u=0.0, v=0.0),
            },
            ("u", "v"),
        ),
        Run(),
        id="fields of two sizes",
    ),
    pytest.param(
        Planted(Time(t=(0, 4)), {"swing": Interior(lambda u, u_tt: u_tt + 4 * u), "start": Initial(u=1.0, u_t=0.0)}),
        Run(windows=3),
        id="windows",
    ),
    pytest.param(
        Planted(
            LINE,
            {
                "flux": Interior(lambda a, a_x, u_x, u_xx: a * u_xx + a_x * u_x + 1.0),
                "known": Dirichlet(a=1.0, on="x.min"),
                "seen": Data({"x": AT}, u=AT * (1 - AT) / 2),
            },
            ("u", "a"),
        ),
        Run(steps=60, settings={"constraints": "soft"}),
        id="a coefficient that is a field",
    ),
    pytest.param(
        Planted(SQUARE, {"poisson": BALANCED, "walls": FLAT}, defined_up_to_constant=("u",)),
        Run(steps=25),
        id="fluxes alone, up to a constant",
    ),
]


@pytest.mark.parametrize(("problem", "run"), SOLVED)
def test_what_is_solved_is_called_so(problem, run):
    found = run.of(problem)
    assert found.word.is_good, found.lines
