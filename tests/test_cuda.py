"""The same numbers on a GPU, where there is one."""

import warnings
from functools import partial
from pathlib import Path

import pytest
import torch
from drawn import values

import pinn
import pinn.networks
from pinn.networks import MLP
from pinn.optimizers import Adam, LeastDamping, LevenbergMarquardt, LinearLeastSquares, SSBroyden
from pinn.problems import Burgers
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling import SobolSampler
from pinn.solving.cuda_graphs import make_recorder
from pinn.trial.making import make_trial

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
SAMPLER = SobolSampler(interior=300, boundary=30)
NETWORK = partial(MLP, width=10, depth=2)


def bound(device: str):
    """A least-squares problem and its start on a device."""
    torch.manual_seed(0)
    trial = make_trial(Burgers(nu=0.05), NETWORK, constraints="soft", device=device)
    residuals = make_residuals(trial)
    points = residuals.draw(SAMPLER, torch.Generator().manual_seed(0))
    return bind(residuals, points), residuals.theta()


def assert_close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    assert float((found.cpu() - expected.cpu()).norm()) <= tolerance * float(expected.norm())


def test_the_jacobian_is_that_of_the_processor():
    """They differ by rounding alone."""
    (problem, theta), (on_cpu, theta_cpu) = bound("cuda"), bound("cpu")
    for found, expected in zip(problem.jacobian(theta), on_cpu.jacobian(theta_cpu), strict=True):
        assert found.is_cuda
        assert_close(found, expected, 1e-13)
    for found, expected in zip(
        problem.normal_equations(theta)[:2], on_cpu.normal_equations(theta_cpu)[:2], strict=True
    ):
        assert_close(found, expected, 1e-13)


@pytest.mark.parametrize("name", ["residual", "loss", "loss_and_gradient", "jacobian", "normal_equations"])
def test_a_cuda_graph_gives_the_same_numbers(name):
    """At other parameters than those at which it was recorded; atomic sums may differ by rounding."""
    problem, theta = bound("cuda")
    moved = 0.9 * theta
    expected = values(problem, name, moved)
    recorded = make_recorder(theta.device)(problem)
    values(recorded, name, theta)
    for part, value in zip(values(recorded, name, moved), expected, strict=True):
        assert_close(part, value, 1e-13)
    assert recorded.recorder.usable
    assert recorded.recorder.recordings


@pytest.mark.parametrize("optimizer", [LeastDamping(), Adam()])
@pytest.mark.parametrize("windows", [1, 3])
def test_a_run_by_cuda_graphs_is_the_same(optimizer, windows, caplog):
    """Points are redrawn on the way."""
    settings = {"network": NETWORK, "optimizer": optimizer, "sampler": SobolSampler(interior=300, redraw_every=4)}
    training = pinn.Training(steps=10, time_limit=None, held_out=50, windows=windows)
    runs = [
        pinn.solve(Burgers(nu=0.05), **settings, training=training, device="cuda", compile=choice)
        for choice in ("never", "graphs")
    ]
    plain, recorded = (run.history["loss"] for run in runs)
    assert abs(recorded / plain - 1).max() < 1e-6
    assert "one by one" not in caplog.text


@pytest.mark.parametrize("optimizer", [LeastDamping(), LevenbergMarquardt(solver="orthogonal"), SSBroyden(), Adam()])
def test_a_step_is_that_of_the_processor(optimizer):
    """Rounding, magnified by the damped system's condition number of about 1e3 times a thousand for its square."""
    (problem, theta), (on_cpu, theta_cpu) = bound("cuda"), bound("cpu")
    found = optimizer.step(theta, optimizer.init(theta), problem)[0] - theta
    expected = optimizer.step(theta_cpu, optimizer.init(theta_cpu), on_cpu)[0] - theta_cpu
    assert_close(found, expected, 1e-8)


@pytest.mark.parametrize("optimizer", [None, LinearLeastSquares()])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run(tmp_path, optimizer, dtype):
    training = pinn.Training(steps=10, time_limit=None, check_every=5, held_out=100)
    network = NETWORK if optimizer is None else partial(pinn.networks.RandomFeatures, width=50)
    options = {"training": training, "sampler": SAMPLER, "dtype": dtype, "device": "cuda", "folder": tmp_path}
    solution = pinn.solve(Burgers(nu=0.1), network, optimizer, **options)
    assert solution.history["loss"][-1] < 0.1 * solution.history["loss"][0]
    assert pinn.load(tmp_path / "solution.h5").attributes["device"].startswith("cuda")


def test_a_step_waits_for_the_device_where_it_must():
    """Once the step is warm, host and device meet to linearize, factorize, accept and report: a few times a trial."""
    problem, theta = bound("cuda")
    optimizer = LevenbergMarquardt(solver="cholesky", acceleration=True, attempts=1)
    state = optimizer.init(theta)
    theta, state, _ = optimizer.step(theta, state, problem)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            optimizer.step(theta, state, problem)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = [warning for warning in told if "called a synchronizing CUDA operation" in str(warning.message)]
    places = sorted(f"{Path(warning.filename).name}:{warning.lineno}" for warning in waits)
    assert 1 <= len(waits) <= 8, "\n".join(places)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two CUDA devices")
def test_two_devices_make_one_run():
    training = pinn.Training(steps=20, time_limit=None, held_out=100)
    losses = [
        pinn.solve(Burgers(nu=0.1), NETWORK, training=training, sampler=SAMPLER, devices=n).history["loss"][-1]
        for n in (1, 2)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
