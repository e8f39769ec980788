"""Planted failures: each is named for what it is, with what helps."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diagnosis.planted import (
    AT,
    BALANCED,
    COLD,
    ENDS,
    FLAT,
    HEAT,
    HUMP,
    LEFT,
    LINE,
    OUTPUT,
    ROD,
    SOFT,
    SQUARE,
    TIME,
    Planted,
    Run,
    seen,
)
from scipy.integrate import solve_ivp
from torch import pi, sin, tanh

from pinn.diagnosis.verdict import Verdict, Word
from pinn.domains.box import Box, Time
from pinn.networks.mlp import MLP
from pinn.networks.random_features import RandomFeatures
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling.sequences import UniformSampler
from pinn.solving.examination import errors_of, examine
from pinn.terms.conditions import Dirichlet, Initial, Interior, Neumann
from pinn.terms.data import Data
from pinn.training.callbacks.history import History
from pinn.training.held_out import HeldOut
from pinn.training.interruption import Interruption
from pinn.training.plan import Plan
from pinn.training.weighting import FixedWeights
from pinn.trial.making import make_trial

pytestmark = [pytest.mark.estimates, pytest.mark.usefixtures("short_estimates")]
slow = pytest.mark.slow

WAVY = Interior(lambda u_xx, x: u_xx + 100 * sin(10 * x))
SOURCE, WALLS = Interior(lambda laplacian_u: laplacian_u + 1.0), Dirichlet(u=0.0, on=SQUARE.sides)
GROWTH = {"growth": Interior(lambda u, u_t: u_t - 20 * u * (1 - u)), "start": Initial(u=0.01)}


def heated(*, square=0.0, source=0.0, height=1.0, **terms):
    """Heat with a reaction or a source in time, from three waves of a height."""
    equation = Interior(lambda u, u_t, u_xx, x: u_t - 0.1 * u_xx - square * u**2 - source * sin(7 * x))
    return {"heat": equation, "ends": COLD, "start": Initial(u=lambda x: height * sin(3 * pi * x)), **terms}


ILL, NOT = Word.ILL_POSED, Word.NOT_SOLVED
MANY, NONE, ZERO = "u can change without any residual", "contradict each other", "zero satisfies every term"
MORE = "more points (sampler.interior"

FAILURES = [
    pytest.param(Planted(ROD, {"heat": HEAT, "ends": COLD}), Run(), ILL, MANY, "a condition", id="no start"),
    pytest.param(
        Planted(ROD, {"heat": HEAT, "ends": COLD}), SOFT, ILL, MANY, "a condition", id="no start, soft", marks=slow
    ),
    pytest.param(
        Planted(LINE, {"bent": Interior(lambda u_xx: u_xx - 1), "left": LEFT}),
        Run(),
        ILL,
        MANY,
        "condition",
        id="one of two conditions",
        marks=slow,
    ),
    pytest.param(
        Planted(
            LINE,
            {"slope": Interior(lambda u_x, v: u_x - v), "bent": Interior(lambda v_x: v_x - 1.0), "left": LEFT},
            ("u", "v"),
        ),
        Run(),
        ILL,
        "u, v can change without any residual",
        "condition",
        id="no condition on the second field",
    ),
    pytest.param(
        Planted(SQUARE, {"poisson": BALANCED, "walls": FLAT}),
        Run(steps=15),
        ILL,
        MANY,
        "a condition",
        id="fluxes alone",
    ),
    pytest.param(
        Planted(LINE, {"a": Interior(lambda u_xx: u_xx + 1), "left": LEFT, "too": Dirichlet(u=1.0, on=ENDS)}),
        Run(),
        ILL,
        NONE,
        "without one",
        id="two values at one end",
    ),
    pytest.param(
        Planted(LINE, {"line": Interior(lambda u_xx: u_xx), "ends": COLD, "seen": Data({"x": AT}, u=AT * (1 - AT))}),
        Run(),
        ILL,
        NONE,
        "without one",
        id="data against the equation",
    ),
    pytest.param(
        Planted(SQUARE, {"poisson": SOURCE, "walls": FLAT}),
        Run(steps=15),
        ILL,
        NONE,
        "without one",
        id="a source and no flux out",
    ),
    pytest.param(
        Planted(SQUARE, {"poisson": SOURCE, "walls": FLAT}, defined_up_to_constant=("u",)),
        Run(steps=15),
        ILL,
        NONE,
        "without one",
        id="a source and no flux out, up to a constant",
        marks=slow,
    ),
    pytest.param(
        Planted(
            LINE,
            {"poisson": Interior(lambda u_xx, x: u_xx - pi**2 * sin(pi * x)), "ends": COLD},
            exact=lambda x: sin(pi * x),
        ),
        Run(),
        NOT,
        "equation and reference contradict",
        "pinn check",
        id="a wrong sign",
    ),
    pytest.param(
        Planted(
            ROD,
            {"heat": HEAT, "ends": COLD, "start": HUMP},
            reference=lambda x, t: np.sin(np.pi * x) * np.exp(-0.2 * np.pi**2 * t),
        ),
        Run(),
        NOT,
        "equation and reference contradict",
        "pinn check",
        id="a reference of another equation",
    ),
    pytest.param(
        Planted(LINE, {"wave": Interior(lambda u, u_xx, E: u_xx + E * u), "ends": COLD}, unknowns={"E": 5.0}),
        Run(),
        ILL,
        ZERO,
        "a norm",
        id="an eigenvalue without a norm",
    ),
    pytest.param(
        Planted(LINE, {"line": Interior(lambda u, u_xx: u_xx - u), "ends": COLD}),
        Run(),
        ILL,
        ZERO,
        "a source",
        id="nothing asks for more than zero",
        marks=slow,
    ),
    pytest.param(Planted(TIME, GROWTH), Run(steps=3), NOT, "is 100 %", "", id="stuck at zero, with a hard start"),
    pytest.param(
        Planted(TIME, GROWTH),
        Run(steps=3, settings={"constraints": "soft"}),
        NOT,
        "start is missed by",
        "weights.start",
        id="stuck at zero",
    ),
    pytest.param(
        Planted(LINE, {"poisson": WAVY, "ends": COLD}),
        Run(points=8, width=20, redraw_every=0),
        NOT,
        "more than 1e+06 times the training points'",
        MORE,
        id="few points",
    ),
    pytest.param(
        Planted(LINE, {"poisson": Interior(lambda u_xx, x: u_xx + 400 * sin(20 * x)), "ends": COLD}),
        Run(width=2, steps=100),
        NOT,
        "stopped falling",
        "network.width",
        id="a small network",
    ),
    pytest.param(
        Planted(LINE, {"poisson": WAVY, "ends": COLD}),
        Run(width=16, steps=4),
        NOT,
        "estimated error",
        "training=accurate",
        id="few steps",
    ),
    pytest.param(
        Planted(ROD, heated(square=1e-6, height=1e6)),
        Run(steps=15, settings={"scaling": "none"}),
        NOT,
        "u is of the size of 7e+05",
        "scales = {'u': 7e+05}",
        id="a field of a million",
    ),
    pytest.param(
        Planted(ROD, heated(source=1e-6, height=1e-6)),
        Run(steps=15, settings={"constraints": "soft", "scaling": "none"}),
        NOT,
        "u is of the size of 7e-07",
        "scales = {'u': 7e-07}",
        id="a field of a millionth",
    ),
    pytest.param(
        Planted(
            LINE,
            {
                "beam": Interior(lambda u_xxxx: u_xxxx - 1),
                "ends": COLD,
                "clamps": Neumann(u=0.0, on=ENDS),
            },
        ),
        Run(steps=100, settings={"dtype": "float32", "scaling": "none"}),
        Word.TRUSTED,
        "single precision is the floor",
        "dtype=float64",
        id="single precision",
    ),
    pytest.param(
        Planted(
            ROD,
            {"heat": HEAT, "ends": COLD},
            ansatz=lambda x, t, u: {"u": 0.5 - (x - 0.5).abs() + t * x * (1 - x) * u},
        ),
        Run(),
        NOT,
        "u has a kink at x = 0.5",
        "constraints=soft",
        id="a kink in an ansatz",
    ),
    pytest.param(
        Planted(LINE, {"line": Interior(lambda u_xx: u_xx + 2.0), "seen": seen(0.02)}),
        Run(width=24, steps=80, settings={"weights": {"line": 1e-8}, "weighting": FixedWeights()}),
        NOT,
        "of the noise, which is learnt",
        "weights.line",
        id="noise that is learnt",
    ),
    pytest.param(
        Planted(
            LINE,
            {"a": Interior(lambda u_xx, k: k * u_xx + 1), "ends": COLD, "seen": seen(0.01)},
            unknowns={"k": 1.0},
        ),
        Run(settings={"weighting": FixedWeights()}),
        NOT,
        "the equations give way to the noise",
        "weights.a",
        id="an equation that gives way to noise",
    ),
    pytest.param(
        Planted(
            LINE,
            {
                "steady": Interior(lambda u_xx, k, c: k * c * u_xx + 1),
                "ends": COLD,
                "flux": Neumann(u=-0.5, on="x.max"),
            },
            unknowns={"k": 1.0, "c": 2.0},
        ),
        Run(),
        ILL,
        "c, k can change without any residual",
        "condition or data more on",
        id="a product of coefficients",
    ),
    pytest.param(
        Planted(
            LINE,
            {"steady": Interior(lambda u, u_xx, k: u_xx + 2.0 - 0.1 * k * u), "ends": COLD, "seen": seen(0.1, seed=1)},
            unknowns={"k": 0.5},
        ),
        Run(settings={"weights": {"steady": 1e4}}),
        ILL,
        "unknown k is not determined by the data (k = ",
        "less noise",
        id="a coefficient below the noise",
    ),
]


@pytest.mark.parametrize(("problem", "run", "word", "reason", "action"), FAILURES)
def test_a_planted_failure_is_named(problem, run, word, reason, action):
    """By the reason that decides: the first, but where it is trusted all the same, which its error decides."""
    found = run.of(problem)
    assert found.word is word, found.lines
    assert reason in found.reasons[word is Word.TRUSTED], found.lines
    assert action in found.action, found.lines


def examined(trial) -> Verdict:
    """The verdict on a function that is trained already."""
    residuals = make_residuals(trial)
    points = residuals.draw(UniformSampler(interior=300, boundary=50), torch.Generator().manual_seed(1))
    history = History()
    history.on_step({"step": 0, **HeldOut(residuals, 300, 0).measure(residuals.theta(), bind(residuals, points))})
    plan = Plan(trial.problem)
    stages = errors_of(trial, plan, 0.3, second_stage=False)
    run = SimpleNamespace(minimized=lambda: None, interruption=Interruption(), shortfall="")
    return examine(trial, run, plan, history, stages, OUTPUT).verdict


def test_a_shock_is_named():
    """A steady front of the viscous equation, as an answer to the one without viscosity: narrow enough to look good."""
    front = {"burgers": Interior(lambda u, u_t, u_x: u_t + u * u_x), "start": Initial(u=lambda x: -tanh(100 * x))}
    problem = Planted(Box(x=(-1, 1)) * TIME, front, ansatz=lambda x, t, u: {"u": -tanh(100 * x) + t * (1 - x**2) * u})
    trial = make_trial(problem, partial(MLP, width=8, depth=2))
    trial.load_parameters({name: 0.0 * values for name, values in trial.parameters().items()})
    found = examined(trial)
    assert found.word is NOT
    assert "a front, a shock or a corner" in found.reasons[0], found.lines
    assert "viscosity" in found.action


def test_chaos_beyond_its_horizon_is_named():
    """A trajectory of Lorenz's equations from a start that is off by 1e-3: 25 % wrong until t = 10."""

    def rates(t, y):
        u, v, w = y
        return [10 * (v - u), u * (28 - w) - v, u * v - 8 / 3 * w]

    terms = {
        "x": Interior(lambda u, v, u_t: u_t - 10 * (v - u)),
        "y": Interior(lambda u, v, w, v_t: v_t - u * (28 - w) + v),
        "z": Interior(lambda u, v, w, w_t: w_t - u * v + 8 / 3 * w),
        "start": Initial(u=1.0, v=1.0, w=20.0),
    }
    problem, width = Planted(Time(t=(0, 10)), terms, ("u", "v", "w")), 800
    torch.manual_seed(0)
    trial = make_trial(problem, partial(RandomFeatures, width=width, scale=300.0), constraints="soft")
    t = np.linspace(0, 10, 4 * width)
    wrong = torch.tensor(solve_ivp(rates, (0, 10), [1 + 1e-3, 1, 20], t_eval=t, rtol=1e-9, atol=1e-9).y.T)
    core, x = trial.network.core, torch.linspace(-1, 1, len(t), dtype=torch.float64)[:, None]
    with torch.no_grad():
        features = torch.cat([core.features(x), torch.ones_like(x)], 1)
        weights = torch.linalg.lstsq(features, wrong, driver="gelsd").solution
        core.last.weight.copy_(weights[:-1].T)
        core.last.bias.copy_(weights[-1])
    assert float((features @ weights - wrong).norm() / wrong.norm()) < 1e-3  # it looks good
    found = examined(trial)
    assert found.word is NOT
    assert found.reasons[0].startswith("the estimated error of "), found.lines  # 90 %, as it grows
