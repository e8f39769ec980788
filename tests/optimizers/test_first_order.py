"""First-order methods and their schedules."""

import copy
import math
from functools import partial
from importlib.resources import files

import pytest
import torch
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from least_squares import PROBLEMS, LeastSquaresProblem, is_plain, run, trajectory
from torch.optim import lr_scheduler

from pinn.basis.errors import UserError
from pinn.basis.rebuilding import rebuild
from pinn.cli.composition import register
from pinn.optimizers import SOAP, Adam, AdamW, Muon, TorchOptimizer
from pinn.optimizers.first_order import parameters
from pinn.training.checkpoint import load_tree, save_tree

METHODS = [Adam, AdamW, SOAP, Muon]


def layer():
    """A (W - W*) B and b - b*: a matrix whose gradients have correlated entries, and a vector."""
    generator = torch.Generator().manual_seed(0)

    def stretched(n):
        q = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64))[0]
        return q @ torch.diag(torch.logspace(-1, 0.5, n, dtype=torch.float64)) @ q.mT

    left, right = stretched(6), stretched(5)
    solution = torch.randn(36, generator=generator, dtype=torch.float64)

    def residual(theta):
        difference = theta - solution
        return torch.cat([(left @ difference[:30].view(6, 5) @ right).flatten(), difference[30:]])

    problem = LeastSquaresProblem(residual, torch.zeros(36, dtype=torch.float64))
    problem.shapes = {"weight": torch.Size((6, 5)), "bias": torch.Size((6,))}
    return problem


ALL_PROBLEMS = {**PROBLEMS, "layer": layer}
DECAYED = {"decay": 0.5, "decay_steps": 200}
RADAM = partial(torch.optim.RAdam, lr=0.1)
SGD = partial(torch.optim.SGD, lr=0.01, momentum=0.9, nesterov=True)

# beside the oracle's: optimizer, problem, steps, factor by which ||r||^2 falls, reason
TABLE = [
    (TorchOptimizer(RADAM), "linear", 1500, 1e-20, "as Adam"),
    (TorchOptimizer(SGD), "linear", 1500, 1e-20, "linear convergence, condition number of A below 10"),
    (Muon(learning_rate=0.1, **DECAYED), "layer", 1500, 1e-3, "steps of fixed length, as long as the learning rate"),
]


@pytest.mark.parametrize(
    ("optimizer", "problem", "steps", "factor", "reason"), TABLE, ids=lambda v: v if isinstance(v, str) else ""
)
def test_reduction(optimizer, problem, steps, factor, reason):
    problem = ALL_PROBLEMS[problem]()
    theta, _, report = run(optimizer, problem, steps)
    assert problem.loss(theta) < factor * problem.loss(problem.start), reason
    assert {"loss", "gradient_norm", "accepted", "learning_rate"} <= set(report)


@pytest.mark.slow
def test_eigenbases_pay_on_a_matrix():
    """Curvatures six decades apart, which in the eigenbases are diagonal."""
    problem = layer()
    losses = [problem.loss(run(method(learning_rate=0.1, **DECAYED), problem, 1500)[0]) for method in (Adam, SOAP)]
    assert losses[0] < 1e-2 * problem.loss(problem.start)
    assert losses[1] < 1e-3 * losses[0]


def test_adam_is_its_papers_algorithm():
    """Kingma & Ba 2015, algorithm 1, with the decayed learning rate."""
    problem = PROBLEMS["rosenbrock"]()
    optimizer = Adam(learning_rate=0.02, decay=0.5, decay_steps=10, betas=(0.8, 0.95), epsilon=1e-3)
    theta = problem.start
    mean, square = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for count, (after, _, _) in enumerate(trajectory(optimizer, problem, 50), start=1):
        _, g = problem.loss_and_gradient(theta)
        mean, square = 0.8 * mean + 0.2 * g, 0.95 * square + 0.05 * g * g
        rate = 0.02 * 0.5 ** ((count - 1) / 10)
        direction = (mean / (1 - 0.8**count)) / ((square / (1 - 0.95**count)).sqrt() + 1e-3)
        theta = theta - rate * direction
        torch.testing.assert_close(after, theta, rtol=1e-12, atol=0)  # rounding of 50 steps
        theta = after


def test_weights_decay_apart_from_the_gradient():
    """AdamW's first step is Adam's from a theta shrunk by learning rate times weight decay."""
    problem = PROBLEMS["rosenbrock"]()
    plain = run(Adam(learning_rate=0.1), problem, 1)[0] - problem.start
    decayed = run(AdamW(learning_rate=0.1, weight_decay=0.5), problem, 1)[0] - 0.95 * problem.start
    torch.testing.assert_close(decayed, plain, rtol=1e-13, atol=1e-15)


def test_muon_orthogonalizes_matrices_and_leaves_vectors_to_adamw():
    problem, optimizer = layer(), Muon(learning_rate=0.1)
    step = run(optimizer, problem, 1)[0] - problem.start
    lengths = torch.linalg.svdvals(step[:30].view(6, 5)) / (0.1 * 0.2 * math.sqrt(6))
    gradient = problem.loss_and_gradient(problem.start)[1][:30].view(6, 5)
    # five iterations of Newton and Schulz lead to between 0.7 and 1.2 all but the smallest, which they raise 200-fold
    assert lengths.max() < 1.3
    assert lengths[2] > 0.6
    assert lengths[0] / lengths[-1] < 0.02 * float(torch.linalg.cond(gradient))
    torch.testing.assert_close(step[30:].abs(), torch.full((6,), 0.1, dtype=torch.float64), rtol=1e-6, atol=0)


def test_muon_without_matrices_or_vectors():
    """A row is a vector; and a network may have matrices only."""
    problem = PROBLEMS["linear"]()
    problem.shapes = {"row": torch.Size((1, 5))}
    adamw = AdamW(learning_rate=0.1, weight_decay=0.0, epsilon=1e-8)
    assert torch.equal(run(Muon(learning_rate=0.1), problem, 5)[0], run(adamw, problem, 5)[0])
    problem = layer()
    matrix = LeastSquaresProblem(lambda theta: problem.residual(torch.cat([theta, theta[:6]])), problem.start[:30])
    matrix.shapes = {"weight": torch.Size((6, 5))}
    assert matrix.loss(run(Muon(learning_rate=0.1), matrix, 20)[0]) < matrix.loss(matrix.start)


def test_parameters_are_told_apart_by_their_shapes():
    """Adafactor's steps depend on rows and columns."""
    step = run(TorchOptimizer(partial(torch.optim.Adafactor, lr=0.1, d=1.0)), layer(), 1)[0]
    whole = layer()
    whole.shapes = {"theta": torch.Size((36,))}
    other = run(TorchOptimizer(partial(torch.optim.Adafactor, lr=0.1, d=1.0)), whole, 1)[0]
    assert float((step - other).abs().max()) > 0.05 * float(step.abs().max())


def rates(optimizer, steps):
    return [report["learning_rate"] for _, _, report in trajectory(optimizer, PROBLEMS["linear"](), steps)]


def test_the_learning_rate_decays():
    found = rates(Adam(learning_rate=0.1, decay=0.5, decay_steps=10), 21)
    # rounding of a product of 20 factors
    assert [found[0], found[10], found[20]] == pytest.approx([0.1, 0.05, 0.025], rel=1e-13)
    assert rates(Adam(learning_rate=0.1, decay=1.0), 5) == [0.1] * 5


def test_a_schedule_takes_the_place_of_the_decay():
    halves = partial(lr_scheduler.StepLR, step_size=2, gamma=0.5)
    assert rates(Adam(learning_rate=0.1, schedule=halves), 6) == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025])
    assert rates(TorchOptimizer(SGD), 3) == [0.01] * 3


def test_schedules_multiply():
    rise = partial(lr_scheduler.LinearLR, start_factor=0.25, total_iters=3)
    halves = partial(lr_scheduler.StepLR, step_size=2, gamma=0.5)
    found = rates(Adam(learning_rate=1.0, schedule={"rise": rise, "halves": halves}), 5)
    assert found == pytest.approx([0.25, 0.5, 0.375, 0.5, 0.25], rel=1e-13)


def test_a_schedule_of_all_parts():
    """Muon's two methods follow the same schedule: matrices and vectors stop together."""
    stop = partial(lr_scheduler.StepLR, step_size=3, gamma=0.0)
    thetas = [theta for theta, _, _ in trajectory(Muon(learning_rate=0.1, schedule=stop), layer(), 5)]
    assert not torch.equal(thetas[2][30:], thetas[1][30:])
    assert torch.equal(thetas[4], thetas[2])


def test_a_schedule_may_follow_the_loss():
    """The loss of a start at the minimum cannot fall: the learning rate does, after the patience."""
    problem = PROBLEMS["linear"]()
    problem.start = torch.arange(1.0, 6.0, dtype=torch.float64)
    plateau = partial(lr_scheduler.ReduceLROnPlateau, factor=0.1, patience=2)
    optimizer = TorchOptimizer(SGD, schedule=plateau)
    found = [report["learning_rate"] for _, _, report in trajectory(optimizer, problem, 6)]
    assert found == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.001, 0.001])


SCHEDULES = {
    "multi_step": partial(lr_scheduler.MultiStepLR, milestones=[3, 9], gamma=0.5),
    "one_cycle": partial(lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=30),
    "warm_restarts": partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=5),
    "cyclic": partial(lr_scheduler.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=4),
    "function": partial(lr_scheduler.LambdaLR, lr_lambda=lambda step: 1.0 / (1.0 + step)),
    "plateau": partial(lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=1),
    "several": {
        "rise": partial(lr_scheduler.LinearLR, start_factor=0.1, total_iters=12),
        "fall": partial(lr_scheduler.CosineAnnealingLR, T_max=20),
    },
}
OTHERS = ["SGD", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adadelta", "Adamax", "Rprop", "ASGD", "Adafactor"]
RESUMED = {
    **{method.__name__: method(learning_rate=0.05) for method in METHODS},
    **{f"Adam {name}": Adam(learning_rate=0.05, schedule=schedule) for name, schedule in SCHEDULES.items()},
    **{name: TorchOptimizer(partial(getattr(torch.optim, name), lr=0.01)) for name in OTHERS},
}


@pytest.mark.parametrize("name", RESUMED)
@pytest.mark.parametrize("make", [PROBLEMS["stiff_fit"], layer], ids=["vector", "matrix"])
def test_the_state_is_plain_and_continues_to_the_bit(name, make, tmp_path):
    """Copied or through a file: the same thetas; and a step leaves the state that it was given as it was."""
    optimizer, problem = RESUMED[name], make()
    theta, state, _ = run(optimizer, problem, 8)
    assert is_plain(state)
    copied = copy.deepcopy(state)
    save_tree(tmp_path / "state.h5", state)
    expected = [step[0] for step in trajectory(optimizer, problem, 6, theta, state)]
    assert not torch.equal(expected[-1], theta)
    for other in (state, copied, load_tree(tmp_path / "state.h5")):
        again = [step[0] for step in trajectory(optimizer, problem, 6, theta, other)]
        assert all(torch.equal(a, b) for a, b in zip(expected, again, strict=True))


class Hoarding(lr_scheduler.StepLR):
    """A scheduler that keeps what no file can hold."""

    def __init__(self, optimizer):
        self.kept = {1, 2}
        super().__init__(optimizer, 2)


# NAdam keeps a float32, and SOAP matrices in another layout, until they are loaded: their trajectories differ.
@pytest.mark.parametrize("name", sorted(RESUMED.keys() - {"NAdam", "SOAP"}))
def test_a_trajectory_is_that_of_the_torch_objects_themselves(name):
    """Made anew for each step or kept, they do the same; theta is never changed in place."""
    optimizer, problem = RESUMED[name], layer()
    flat = problem.start.clone()
    flat.grad = torch.zeros_like(flat)
    methods = optimizer._methods(flat, parameters(flat, problem.shapes))
    schedulers = optimizer._schedulers(methods)
    before = problem.start.clone()
    for theta, _, report in trajectory(optimizer, problem, 10):
        loss, g = problem.loss_and_gradient(flat)
        flat.grad.copy_(g)
        for method in methods:
            method.step()
        for scheduler in schedulers:
            plateau = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
            scheduler.step(loss) if plateau else scheduler.step()
        assert torch.equal(theta, flat)
        assert report["loss"] == loss
    assert torch.equal(problem.start, before)


@pytest.mark.parametrize("method", METHODS)
def test_single_precision(method):
    problem = layer()
    single = LeastSquaresProblem(lambda theta: problem.residual(theta.double()).float(), problem.start.float())
    single.shapes = problem.shapes
    theta, _, _ = run(method(learning_rate=0.1, **DECAYED), single, 500)
    assert theta.dtype == torch.float32
    assert single.loss(theta) < 0.05 * single.loss(single.start)  # a rough fit, far above rounding


def composed(*overrides):
    register([])
    with initialize_config_module("pinn.conf", version_base="1.3"):
        return instantiate(compose("config", overrides=list(overrides)).optimizer, _convert_="all")


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "soap", "muon", "torch"])
def test_schedules_of_the_configuration(optimizer):
    warm = composed(f"optimizer={optimizer}", "optimizer/schedule=warm_up", "optimizer.schedule.rise.total_iters=10")
    found = rates(warm, 12)
    assert found[0] == pytest.approx(1e-6, rel=1e-12)  # 1e-3 of 1e-3
    assert found[10] == pytest.approx(1e-3 * 0.9 ** (10 / 2000), rel=1e-7)  # the factor in conf/ has 8 digits
    assert found[11] < found[10]
    cosine = composed(f"optimizer={optimizer}", "optimizer/schedule=cosine", "optimizer.schedule.fall.T_max=10")
    assert rates(cosine, 11)[5] == pytest.approx(5e-4, rel=1e-12)


def test_any_torch_optimizer_by_its_name():
    optimizer = composed("optimizer=torch", "optimizer.method._target_=torch.optim.SGD", "optimizer.method.lr=0.25")
    problem = PROBLEMS["linear"]()
    expected = problem.start - 0.25 * problem.loss_and_gradient(problem.start)[1]
    assert torch.equal(run(optimizer, problem, 1)[0], expected)


@pytest.mark.parametrize("schedule", ["warm_up", "cosine"])
def test_schedules_are_explained(schedule):
    text = files("pinn.conf").joinpath(f"optimizer/schedule/{schedule}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert all("  # " in line for line in text.splitlines()[1:] if not line.startswith(" "))


def test_a_configuration_rebuilds_the_optimizer():
    optimizer = TorchOptimizer(SGD, schedule=partial(lr_scheduler.StepLR, step_size=2, gamma=0.5))
    problem = PROBLEMS["linear"]()
    rebuilt = rebuild(optimizer.configuration, trust=True)
    assert torch.equal(run(rebuilt, problem, 7)[0], run(optimizer, problem, 7)[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SOAP(refresh_every=0), "optimizer.refresh_every must be >= 1, got 0"),
        (lambda: SOAP(betas=(0.9,)), r"optimizer.betas must be two numbers, got \[0.9\]"),
        (lambda: AdamW(weight_decay=-0.1), "optimizer.weight_decay must be finite and >= 0, got -0.1"),
        (lambda: Muon(momentum=1.0), r"optimizer.momentum must be in \[0, 1\), got 1.0"),
        (lambda: Muon(iterations=100), "optimizer.iterations must be in 1 to 99, got 100"),
        (lambda: Muon(learning_rate=float("inf")), "optimizer.learning_rate must be positive, got inf"),
        (lambda: TorchOptimizer(3), "optimizer.method must make a torch optimizer from parameters, got 3"),
        (lambda: TorchOptimizer(lambda parameters: 3), "optimizer.method must make a torch optimizer, got 3"),
        (lambda: TorchOptimizer(partial(torch.optim.SGD, lr=-1.0)), "optimizer.method cannot be made: .*-1.0"),
        (lambda: TorchOptimizer(partial(torch.optim.SGD, rate=1.0)), "optimizer.method cannot be made: .*'rate'"),
        (lambda: TorchOptimizer(torch.optim.LBFGS), "LBFGS evaluates the loss .* use optimizer=lbfgs"),
        (lambda: Adam(schedule=3), "optimizer.schedule must make a scheduler from an optimizer, got schedule: 3"),
        (lambda: Adam(schedule=lr_scheduler.StepLR), "optimizer.schedule cannot be made: .*step_size"),
        (
            lambda: run(Adam(schedule=Hoarding), PROBLEMS["linear"](), 1),
            r"a checkpoint cannot hold \{1, 2\}, which the optimizer or its schedule keeps",
        ),
    ],
)
def test_bad_settings_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()
