"""Two and three processes that share the rows give what one process gives."""

import multiprocessing
import os
import socket

import pytest
import torch
from distributed.member import OPTIMIZERS, TRAINED, compute, results

from pinn.distributed.team import Alone

SIZES = (2, 3)


def free_port() -> str:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return str(held.getsockname()[1])


def environments(size: int) -> list[dict[str, str]]:
    """What a launcher tells each of its processes."""
    shared = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "OMP_NUM_THREADS": "1"}
    return [{**os.environ, **shared, "RANK": str(rank)} for rank in range(size)]


@pytest.fixture(scope="module")
def alone():
    torch.set_default_dtype(torch.float64)
    try:
        return results(Alone())
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Size -> what its ranks computed."""
    folder, context = tmp_path_factory.mktemp("ranks"), multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["distributed.member"])  # torch is loaded once
    processes = [
        context.Process(target=compute, args=(environment, folder / f"{size}.pt"))
        for size in SIZES
        for environment in environments(size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=300)
        assert process.exitcode == 0
    return {size: torch.load(folder / f"{size}.pt") for size in SIZES}


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("problem", ["burgers", "unlevelled"])
def test_sums_are_those_of_one_process(alone, together, size, problem):
    """They differ by the order of summation alone."""
    for quantity in ("J^T J", "J^T r", "loss", "gradient", "means"):
        name = f"{problem}/{quantity}"
        assert relative(together[size][name], alone[name]) < 1e-13, quantity


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("problem", ["burgers", "unlevelled"])
@pytest.mark.parametrize("title", ["newton", *(f"{name}/step" for name in OPTIMIZERS)])
def test_a_step_is_that_of_one_process(alone, together, size, problem, title):
    """Conjugate gradients stop at a relative residual of 1e-6, from where the last bits lead to different ends."""
    name = f"{problem}/{title}"
    assert float(alone[name].norm()) > 0
    assert relative(together[size][name], alone[name]) < (1e-6 if title.startswith("conjugate") else 1e-10)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("title", TRAINED)
def test_the_loss_after_some_steps_is_that_of_one_process(alone, together, size, title):
    name = f"trained/{title}"
    assert relative(together[size][name], alone[name]) < 1e-6
