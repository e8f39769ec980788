"""Which process has which device and which rows, and what is said where they cannot be had."""

import multiprocessing
import pickle
from functools import partial
from pathlib import Path

import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.distributed.rendezvous import Address, found, meeting_place
from pinn.distributed.team import Alone
from pinn.networks import MLP
from pinn.optimizers import LeastDamping, VariableProjection
from pinn.optimizers.linearization import choose_solver
from pinn.problems import Burgers
from pinn.residuals.shared import share
from pinn.sampling import Points, SobolSampler
from pinn.solving import choose_devices
from pinn.solving.blueprint import Blueprint
from pinn.training import Plan, Training


class Member(Alone):
    """A member that says nothing to the others."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size


def points_of(n: int, per_row: int = 1) -> Points:
    x = torch.arange(float(n * per_row)).unsqueeze(1)
    return Points(x, per_row=per_row, weight=torch.arange(float(n)))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_each_row_goes_to_one_member(size):
    points = {"interior": points_of(10), "pairs": points_of(5, per_row=2), "mean": points_of(4), "one": points_of(1)}
    shares = [share(points, Member(rank, size), lambda label: label == "mean") for rank in range(size)]
    for label, whole in points.items():
        own = [found[label] for found in shares if label in found]
        rows = torch.cat([part.by_row(part.x)[..., 0] for part in own], 1)  # (per_row, n)
        order = rows[0].argsort()
        assert torch.equal(rows[:, order], whole.by_row(whole.x)[..., 0])
        assert torch.equal(torch.cat([part.weight for part in own])[order], whole.weight)
    assert sum("mean" in found for found in shares) == 1
    counts = [sum(len(part) for label, part in found.items() if label != "mean") for found in shares]
    assert max(counts) - min(counts) <= 2  # as many as there are regions with an odd row, less one


def test_too_few_rows_are_an_error():
    with pytest.raises(UserError, match="4 devices cannot share 3 points; draw more"):
        share({"interior": points_of(3), "mean": points_of(9)}, Member(0, 4), lambda label: label == "mean")


@pytest.mark.parametrize("devices", [0, -1, "2", [], [0, 0], [0.5], True])
def test_devices_that_are_no_number_and_no_list(devices):
    with pytest.raises(UserError, match="devices must be"):
        choose_devices(devices, "cpu")


def test_devices_on_the_processor():
    assert choose_devices(3, "cpu") == [torch.device("cpu")] * 3


def test_graphics_processors_that_are_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_devices(2, "auto") == [torch.device("cuda", 0), torch.device("cuda", 1)]
    assert choose_devices([1], "auto") == [torch.device("cuda", 1)]
    with pytest.raises(UserError, match="torch sees 2 CUDA devices; take fewer, or device=cpu"):
        choose_devices(3, "auto")
    with pytest.raises(UserError, match=r"torch sees 2 CUDA devices"):
        choose_devices([0, 2], "cuda")
    with pytest.raises(UserError, match="'cuda:1' is one GPU, devices=2 are several"):
        choose_devices(2, "cuda:1")
    with pytest.raises(UserError, match="are GPUs, device is 'cpu'"):
        choose_devices([0, 1], "cpu")


def test_what_needs_all_rows_says_so():
    with pytest.raises(UserError, match="solver=dual needs all rows in one process, got 2; set devices=1"):
        choose_solver("dual", 10, 20, processes=2)
    assert choose_solver("auto", 10, 20, processes=2).solver == "cholesky"
    assert choose_solver("auto", 10, 20).solver == "dual"
    problem = Member(0, 2)
    problem.team = problem
    with pytest.raises(UserError, match="variable_projection needs all rows in one process"):
        VariableProjection().step(torch.zeros(2), {}, problem)


def blueprint(network) -> Blueprint:
    parts = (network, LeastDamping(target=0.2), SobolSampler(interior=7), Training(steps=3))
    return Blueprint(Plan(Burgers(nu=0.3), *parts, constraints="soft", seed=5, dtype="float32"))


def test_a_blueprint_arrives_as_it_was_sent():
    sent = blueprint(partial(MLP, width=5))
    got = pickle.loads(sent.packed())()
    assert got.plan.problem.configuration == sent.plan.problem.configuration
    assert got.plan.optimizer.configuration == sent.plan.optimizer.configuration
    cpu = torch.device("cpu")
    mine, theirs = sent.trial(cpu).parameters(), got.trial(cpu).parameters()
    assert {values.dtype for values in mine.values()} == {torch.float32}
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_part_that_cannot_be_sent_is_named():
    with pytest.raises(UserError, match=r"the network cannot be sent to them: .*without lambdas"):
        blueprint(lambda inputs, outputs: MLP(inputs, outputs)).packed()


def test_a_process_that_may_not_start_others_says_so(monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {"daemon": True})
    with pytest.raises(UserError, match="devices=2 starts processes, which is not possible here"):
        pinn.solve(Burgers(), devices=2, device="cpu")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the kernel's list of sockets is Linux's")
def test_the_members_of_a_team_meet_where_no_other_machine_comes():
    store = meeting_place(2)
    other = found(Address(store.port, 1, 2))
    store.set("said", "heard")
    assert other.get("said") == b"heard"
    listening = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()
    ]
    own = [entry[1] for entry in listening if entry[3] == "0A" and entry[1].endswith(f":{store.port:04X}")]
    assert own == [f"0100007F:{store.port:04X}"]  # 127.0.0.1, as the kernel writes it
