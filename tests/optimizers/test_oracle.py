"""One oracle for all: every optimizer on every least-squares problem, with the reduction of ||r||^2 it must reach."""

from functools import partial

import pytest
import torch
from drawn import make_bound
from least_squares import PROBLEMS, SeparableProblem

from pinn import optimizers
from pinn.networks import MLP
from pinn.optimizers import (
    BFGS,
    LBFGS,
    SOAP,
    SPRING,
    SSBFGS,
    Adam,
    AdamW,
    LeastDamping,
    LevenbergMarquardt,
    LinearLeastSquares,
    Muon,
    NaturalGradient,
    Optimizer,
    Sketched,
    SSBroyden,
    TorchOptimizer,
    TrustRegion,
    VariableProjection,
)
from pinn.problems import Burgers, Poisson2D

SMALL = partial(MLP, width=8, depth=2)
LINEAR_PARAMETERS = {"linear": [0, 1, 2, 3, 4], "rosenbrock": [1], "stiff_fit": [0, 2]}


def closed_form(name):
    """A problem of `least_squares` that knows in which parameters it is affine, and its start."""
    problem = PROBLEMS[name]()
    return SeparableProblem(problem.residual, problem.start, LINEAR_PARAMETERS[name]), problem.start


def collocation(problem):
    """A differential equation at 200 points for a network of 105 parameters, and the parameters from seed 0."""
    bound = make_bound(problem, SMALL, 200)
    return bound, bound.residuals.theta()


MAKE = {name: partial(closed_form, name) for name in PROBLEMS} | {
    "poisson": lambda: collocation(Poisson2D()),
    "burgers": lambda: collocation(Burgers(nu=0.1)),
}

ONE_STEP = "one Gauss-Newton step solves a linear problem to rounding"
QUADRATIC = "zero residual: quadratic convergence at the end"
SUPERLINEAR = "zero residual: superlinear convergence at the end"
STIFF = "a fast rate that hardly influences the loss"
VALLEY = "slow along the curved valley"
FEATURES = "the hidden layers stay: what their features can hold"
LONG_MEMORY = "5 parameters: superlinear after about as many steps"
UNIT_STEPS = "linear convergence, condition number of A below 10"
SLOW = "first order: the condition number of J^T J is above 1e8"


def torchs_adam(rate):
    return TorchOptimizer(partial(torch.optim.Adam, lr=rate))


# optimizer, problem, steps, factor by which ||r||^2 falls, reason; factors are about ten times what was measured
TABLE = [
    (LevenbergMarquardt(damping=1e-14), "linear", 1, 1e-20, ONE_STEP),
    (LevenbergMarquardt(), "rosenbrock", 40, 1e-25, QUADRATIC),
    (LevenbergMarquardt(), "stiff_fit", 60, 1e-20, QUADRATIC),
    (LevenbergMarquardt(), "poisson", 40, 1e-5, "Gauss-Newton: digits a dozen steps"),
    (LevenbergMarquardt(), "burgers", 40, 1e-3, "Gauss-Newton: digits a dozen steps"),
    (LevenbergMarquardt(acceleration=True), "rosenbrock", 25, 1e-25, "as without acceleration, along the valley"),
    (LevenbergMarquardt(acceleration=True), "poisson", 40, 1e-7, "ahead of the plain steps"),
    (LeastDamping(damping=1e-14), "linear", 1, 1e-20, ONE_STEP),
    (LeastDamping(), "rosenbrock", 20, 1e-25, QUADRATIC),
    (LeastDamping(), "stiff_fit", 40, 1e-20, QUADRATIC),
    (LeastDamping(), "poisson", 40, 1e-6, "Gauss-Newton with the second-order correction"),
    (LeastDamping(), "burgers", 40, 1e-3, "Gauss-Newton with the second-order correction"),
    (LeastDamping(solver="orthogonal", acceleration=False), "stiff_fit", 60, 1e-20, "no squared condition number"),
    (LeastDamping(solver="eigen"), "rosenbrock", 20, 1e-25, "the same steps from one factorization"),
    (LeastDamping(solver="conjugate_gradients"), "rosenbrock", 20, 1e-20, "two parameters: exact after two products"),
    (TrustRegion(radius=1e2), "linear", 1, 1e-20, ONE_STEP),
    (TrustRegion(), "rosenbrock", 20, 1e-25, QUADRATIC),
    (TrustRegion(), "stiff_fit", 20, 1e-20, QUADRATIC),
    (TrustRegion(), "poisson", 80, 1e-6, "a sixth a step at first, digits at the end"),
    (TrustRegion(), "burgers", 80, 1e-3, "a sixth a step at first, digits at the end"),
    (TrustRegion(solver="cholesky"), "rosenbrock", 20, 1e-20, "the lengths of steps to a tenth"),
    (TrustRegion(solver="conjugate_gradients"), "stiff_fit", 30, 1e-10, "the lengths of steps to a tenth"),
    (NaturalGradient(), "linear", 1, 1e-20, ONE_STEP),
    (NaturalGradient(), "rosenbrock", 25, 1e-25, "two residuals: the whole undamped step is Newton's"),
    (NaturalGradient(), "stiff_fit", 15, 1e-20, QUADRATIC),
    (NaturalGradient(damping=1e-8), "poisson", 40, 1e-4, "the damping has to grow first, tenfold a step"),
    (NaturalGradient(damping=1e-8), "burgers", 40, 3e-2, "the damping has to grow first, tenfold a step"),
    (SPRING(damping=1e-12, largest=100.0), "linear", 1, 1e-20, ONE_STEP),
    (SPRING(), "rosenbrock", 40, 1e-20, "the momentum dies out where J is regular"),
    (SPRING(largest=100.0), "stiff_fit", 40, 1e-3, "the memory of steps overshoots a rate"),
    (SPRING(largest=10.0), "poisson", 60, 1e-6, "Gauss-Newton after the damping has found its size"),
    (SPRING(largest=10.0), "burgers", 60, 1e-2, "Gauss-Newton after the damping has found its size"),
    (Sketched(LeastDamping(damping=1e-14)), "linear", 40, 1e-8, "two random directions of five at a time"),
    (Sketched(), "rosenbrock", 80, 0.3, "one direction of two, across the valley or along it"),
    (
        Sketched(),
        "stiff_fit",
        80,
        5e-2,
        "two directions of four at a time: a fast rate that hardly influences the loss",
    ),
    (Sketched(), "poisson", 80, 1e-4, "52 of 105 directions at a time, no fewer than count"),
    (Sketched(), "burgers", 80, 1e-2, "52 of 105 directions at a time, no fewer than count"),
    (LinearLeastSquares(), "linear", 1, 1e-25, "all parameters are linear: one least-squares solve"),
    (LinearLeastSquares(), "rosenbrock", 1, 0.21, "y alone: 10 (y - x^2) vanishes, (1 - x)^2 = 4.84 of 24.2 stays"),
    (LinearLeastSquares(), "stiff_fit", 1, 0.5, "the amplitudes alone: the rates are wrong"),
    (LinearLeastSquares(), "poisson", 1, 0.3, FEATURES),
    (LinearLeastSquares(), "burgers", 3, 0.3, FEATURES),
    (VariableProjection(), "linear", 1, 1e-25, "all parameters are linear: one least-squares solve"),
    (VariableProjection(), "rosenbrock", 6, 1e-25, "the rest, 1 - x, is linear"),
    (VariableProjection(), "stiff_fit", 12, 1e-20, "two rates; four parameters need several times the steps"),
    (VariableProjection(), "poisson", 20, 1e-7, "linear in the last layer: ahead of least damping in early steps"),
    (VariableProjection(), "burgers", 20, 0.2, "the fitted features settle on a solution without the front"),
    (BFGS(), "linear", 20, 1e-25, LONG_MEMORY),
    (BFGS(), "rosenbrock", 45, 1e-25, SUPERLINEAR),
    (BFGS(), "stiff_fit", 40, 1e-25, SUPERLINEAR),
    (BFGS(), "poisson", 150, 1e-4, "curvature is learnt in about as many steps as parameters"),
    (BFGS(), "burgers", 150, 1e-2, "curvature is learnt in about as many steps as parameters"),
    (SSBFGS(), "linear", 20, 1e-25, LONG_MEMORY),
    (SSBFGS(), "rosenbrock", 45, 1e-25, SUPERLINEAR),
    (SSBFGS(), "stiff_fit", 40, 1e-25, SUPERLINEAR),
    (SSBFGS(), "poisson", 150, 1e-3, "curvature is learnt in about as many steps as parameters"),
    (SSBFGS(), "burgers", 150, 1e-2, "curvature is learnt in about as many steps as parameters"),
    (SSBroyden(), "linear", 20, 1e-25, LONG_MEMORY),
    (SSBroyden(), "rosenbrock", 45, 1e-25, SUPERLINEAR),
    (SSBroyden(), "stiff_fit", 40, 1e-25, SUPERLINEAR),
    (SSBroyden(), "poisson", 150, 1e-5, "self-scaling: the best of the quasi-Newton methods"),
    (SSBroyden(), "burgers", 150, 1e-2, "curvature is learnt in about as many steps as parameters"),
    (LBFGS(), "linear", 25, 1e-25, "its memory is longer than the number of parameters"),
    (LBFGS(), "rosenbrock", 50, 1e-25, SUPERLINEAR),
    (LBFGS(), "stiff_fit", 50, 1e-25, SUPERLINEAR),
    (LBFGS(), "poisson", 100, 1e-3, "a memory of 50 of 105 directions"),
    (LBFGS(), "burgers", 100, 0.1, "a memory of 50 of 105 directions"),
    (Adam(learning_rate=0.1), "linear", 400, 1e-15, UNIT_STEPS),
    (Adam(learning_rate=0.1), "rosenbrock", 800, 1e-3, VALLEY),
    (Adam(learning_rate=0.1), "stiff_fit", 400, 2e-2, STIFF),
    (Adam(learning_rate=0.02), "poisson", 150, 0.2, SLOW),
    (Adam(learning_rate=0.02), "burgers", 150, 0.2, SLOW),
    (AdamW(learning_rate=0.1, weight_decay=0.0), "linear", 400, 1e-15, "Adam where nothing shrinks"),
    (AdamW(learning_rate=0.1), "linear", 1500, 1e-4, "1 % of shrinking moves the solution by about 1 %"),
    (AdamW(learning_rate=0.1, weight_decay=0.0), "rosenbrock", 800, 1e-3, VALLEY),
    (AdamW(learning_rate=0.1, weight_decay=0.0), "stiff_fit", 400, 2e-2, STIFF),
    (AdamW(learning_rate=0.02), "poisson", 150, 0.2, SLOW),
    (AdamW(learning_rate=0.02), "burgers", 150, 0.2, SLOW),
    (SOAP(learning_rate=0.1, decay=0.5, decay_steps=200), "linear", 800, 1e-2, "a vector: Adam with a longer memory"),
    (SOAP(learning_rate=0.1), "rosenbrock", 800, 5e-3, VALLEY),
    (SOAP(learning_rate=0.05), "stiff_fit", 800, 2e-2, STIFF),
    (SOAP(learning_rate=0.02), "poisson", 150, 0.2, SLOW),
    (SOAP(learning_rate=0.02), "burgers", 150, 0.2, SLOW),
    (Muon(learning_rate=0.1), "linear", 400, 1e-15, "no matrices: AdamW"),
    (Muon(learning_rate=0.1), "rosenbrock", 800, 1e-3, "no matrices: AdamW"),
    (Muon(learning_rate=0.1), "stiff_fit", 400, 2e-2, "no matrices: AdamW"),
    (Muon(learning_rate=0.02), "poisson", 150, 0.2, SLOW),
    (Muon(learning_rate=0.02), "burgers", 150, 0.2, SLOW),
    (torchs_adam(0.1), "linear", 400, 1e-15, UNIT_STEPS),
    (torchs_adam(0.1), "rosenbrock", 800, 1e-3, VALLEY),
    (torchs_adam(0.1), "stiff_fit", 400, 2e-2, STIFF),
    (torchs_adam(0.02), "poisson", 150, 0.2, SLOW),
    (torchs_adam(0.02), "burgers", 150, 0.2, SLOW),
]


@pytest.mark.parametrize(
    ("optimizer", "problem", "steps", "factor", "reason"),
    TABLE,
    ids=lambda value: type(value).__name__ if isinstance(value, Optimizer) else str(value)[:12],
)
def test_reduction(optimizer, problem, steps, factor, reason):
    problem, theta = MAKE[problem]()
    first, state = problem.loss(theta), optimizer.init(theta)
    for _ in range(steps):
        theta, state, report = optimizer.step(theta, state, problem)
        assert {"loss", "gradient_norm", "accepted"} <= set(report)
    assert problem.loss(theta) < factor * first, reason


def test_every_optimizer_meets_every_problem():
    exported = {getattr(optimizers, name) for name in optimizers.__all__} - {Optimizer, optimizers.LeastSquares}
    exported -= {optimizers.Automatic}  # takes no steps itself
    assert {(type(optimizer), problem) for optimizer, problem, *_ in TABLE} == {
        (method, problem) for method in exported for problem in MAKE
    }
