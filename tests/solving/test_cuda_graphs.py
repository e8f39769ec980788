"""Recorded evaluations: on the processor by a stand-in for CUDA graphs, the same operations on the same memory.

What it cannot show is that CUDA records them; tests/test_cuda.py does, where there is a GPU.
"""

import gc
import logging
import weakref
from functools import partial

import pytest
import torch
from drawn import drawn, values
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import pinn
import pinn.problems
from pinn.basis.errors import UserError
from pinn.networks import (
    MLP,
    SIREN,
    FourierMLP,
    ModifiedMLP,
    PirateNet,
    RandomFeatures,
    RandomWeightFactorization,
    ResidualMLP,
)
from pinn.optimizers import Adam, LeastDamping
from pinn.problems import Burgers, ElasticityPlate
from pinn.residuals.exact_terms import make_residuals
from pinn.sampling import SobolSampler
from pinn.solving.cuda_graphs import Recorder
from pinn.trial.making import make_trial, make_windows

aten = torch.ops.aten
WAITS = {aten._local_scalar_dense.default, aten.nonzero.default, aten.lift_fresh.default}  # of the host for the device
LOOKUPS = {aten.index.Tensor, aten.index_put_.default}  # by a mask, or by a list that is copied to the device
FUNCTIONS = ("residual", "loss", "loss_and_gradient", "jacobian", "normal_equations")


class Operations(TorchDispatchMode):
    """Keeps every operation with the memory of its inputs and outputs."""

    forbidden = WAITS | LOOKUPS

    def __init__(self):
        super().__init__()
        self.done = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function not in self.forbidden, f"{function} cannot be recorded"
        outputs = function(*args, **(kwargs or {}))
        self.done.append((function, args, kwargs or {}, outputs))
        return outputs

    def again(self):
        with torch.no_grad():
            for function, args, kwargs, outputs in self.done:
                for old, new in zip(tree_leaves(outputs), tree_leaves(function(*args, **kwargs)), strict=True):
                    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class Capture:
    """In place of `cuda_graph`; counts, and notes whether what it watches is gone when it is called."""

    operations = Operations

    def __init__(self):
        self.count = 0
        self.watched = lambda: None
        self.gone = False

    def __call__(self, function):
        self.count += 1
        self.gone = self.watched() is None
        function()
        with self.operations() as operations:
            outputs = function()
        return operations.again, outputs


def made(problem):
    """The least squares of a small network, at first points."""
    torch.manual_seed(0)
    return drawn(make_residuals(make_trial(problem, partial(MLP, width=6, depth=2), constraints="soft")), 60)


def points(plain, seed, interior=60):
    return drawn(plain.residuals, interior, seed).points


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("problem", [Burgers(nu=0.05), ElasticityPlate()], ids=["burgers", "elasticity_plate"])
def test_a_replay_gives_the_numbers_of_other_parameters_and_points(problem, name):
    capture = Capture()
    plain, recorded = made(problem), Recorder(capture).of(made(problem))
    theta = plain.residuals.theta()
    for seed in range(3):
        at = points(plain, seed)
        for moved in (theta, theta + 0.1 * seed, theta * 0.5):
            expected, found = (values(each.at(at), name, moved) for each in (plain, recorded))
            for a, b in zip(found, expected, strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert capture.count == 1
    residuals = recorded.inner.residuals
    residuals.weights = dict.fromkeys(residuals.weights, 2.0)
    doubled = values(recorded.at(at), "loss", theta)[0]
    assert float(doubled) == pytest.approx(2 * float(plain.at(at).loss(theta)))
    before = capture.count
    for other in (at, points(plain, 0, interior=31)):
        for a, b in zip(*(values(each.at(other), "residual", theta) for each in (recorded, plain)), strict=True):
            torch.testing.assert_close(a, b * 2**0.5)
    assert capture.count == before + 2  # another number of points, and other weights since


def test_what_is_returned_is_not_overwritten():
    recorded = Recorder(Capture()).of(made(Burgers(nu=0.05)))
    theta = recorded.inner.residuals.theta()
    with torch.no_grad():
        r = recorded.residual(theta)
        kept = r.clone()
        recorded.residual(theta + 1)
    _, gradient = recorded.loss_and_gradient(theta)
    kept_gradient = gradient.clone()
    recorded.loss_and_gradient(theta + 1)
    assert torch.equal(r, kept)
    assert torch.equal(gradient, kept_gradient)
    assert set(recorded.recorder.recordings) == {("_residual",), ("loss_and_gradient",)}


def test_what_is_differentiated_is_not_recorded():
    recorded = Recorder(Capture()).of(made(Burgers(nu=0.05)))
    theta = recorded.inner.residuals.theta()
    leaf = theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(recorded.residual(leaf).square().sum(), leaf)
    torch.testing.assert_close(gradient, recorded.loss_and_gradient(theta)[1])
    assert set(recorded.recorder.recordings) == {("loss_and_gradient",)}


@pytest.mark.parametrize("optimizer", [LeastDamping(), LeastDamping(solver="cholesky"), Adam()])
def test_a_run_is_the_same(optimizer, monkeypatch):
    """Over redraws of the points."""
    captures = []

    def make(device):
        captures.append(Capture())
        return Recorder(captures[-1]).of

    monkeypatch.setattr("pinn.solving.blueprint.make_recorder", make)
    monkeypatch.setattr(
        "pinn.solving.blueprint.choose_compilation", lambda choice, limit, device: (False, choice == "graphs")
    )
    settings = {
        "network": partial(MLP, width=6, depth=2),
        "optimizer": optimizer,
        "sampler": SobolSampler(interior=60, redraw_every=3),
        "training": pinn.Training(steps=10, held_out=20, time_limit=None),
        "device": "cpu",
    }
    losses = [
        pinn.solve(Burgers(nu=0.05), **settings, compile=choice).history["loss"] for choice in ("never", "graphs")
    ]
    assert losses[0].tolist() == losses[1].tolist()
    assert [capture.count > 0 for capture in captures] == [True]


def fails(function):
    raise RuntimeError("operation not permitted when stream is capturing\nand more")


def fails_without_a_word(function):
    raise RuntimeError


def freezes(function):
    return (lambda: None), function()


@pytest.mark.parametrize(
    ("capture", "why"),
    [
        (fails, "operation not permitted when stream is capturing"),
        (fails_without_a_word, "RuntimeError"),
        (freezes, "gives other numbers"),
    ],
)
def test_what_cannot_be_recorded_goes_on_without(capture, why, caplog):
    plain = made(Burgers(nu=0.05))
    recorded, at, theta = Recorder(capture).of(plain), points(plain, 0), plain.residuals.theta()
    with caplog.at_level(logging.INFO, "pinn"):
        for moved in (theta, 2 * theta):
            assert recorded.at(at).loss(moved) == plain.at(at).loss(moved)
    assert [why in record.message for record in caplog.records] == [True]
    assert "\n" not in caplog.records[0].message


def test_graphs_are_for_gpus():
    with pytest.raises(UserError, match="compile=graphs is for GPUs, and the device is cpu; try compile=auto"):
        pinn.solve(Burgers(), compile="graphs", device="cpu")


def assert_recordable(trial):
    """J and the loss of a trial function have no operation that waits, and are the same when replayed elsewhere."""
    plain = drawn(make_residuals(trial), 40)
    recorded, theta = Recorder(Capture()).of(drawn(plain.residuals, 40)), plain.residuals.theta()
    for name in ("jacobian", "loss"):
        for seed in range(2):
            at, moved = points(plain, seed, interior=40), (1 - 0.1 * seed) * theta
            for a, b in zip(*(values(each.at(at), name, moved) for each in (recorded, plain)), strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert recorded.recorder.usable


PLAIN = {"Hutchinson", "Inclusion"}  # numbers become tensors in their equations: on a GPU they are not recorded


@pytest.mark.parametrize("name", sorted(set(pinn.problems.__all__) - PLAIN))
def test_every_problem_can_be_recorded(name):
    given = {"diffusivity": 0.02} if name == "MovingDisc" else {}  # whose exact solution has fewer images then
    assert_recordable(make_trial(getattr(pinn.problems, name)(**given), partial(MLP, width=6, depth=2)))


@pytest.mark.parametrize("network", [SIREN, FourierMLP, ModifiedMLP, PirateNet, RandomFeatures, ResidualMLP])
@pytest.mark.parametrize("factorization", [None, RandomWeightFactorization()])
def test_every_network_can_be_recorded(network, factorization):
    assert_recordable(make_trial(Burgers(nu=0.05), partial(network, width=6, factorization=factorization)))


def test_the_last_layer_alone_can_be_recorded():
    plain = made(Burgers(nu=0.05))
    recorded, theta = Recorder(Capture()).of(made(Burgers(nu=0.05))), plain.residuals.theta()
    for seed in range(2):
        at, moved = points(plain, seed), theta * (1 + 0.1 * seed)
        (indices, expected), (_, found) = (each.at(at).last_layer(moved) for each in (plain, recorded))
        for a, b in zip(found.jacobian(moved[indices]), expected.jacobian(moved[indices]), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)
        assert recorded.at(at).loss(moved) == plain.at(at).loss(moved)
    assert len(recorded.recorder.recordings) == 2


@pytest.mark.parametrize("number", [1, 2])
def test_later_windows_can_be_recorded(number):
    """What was before them is looked up by its places when points are drawn, not when equations are evaluated."""
    trial = make_windows(Burgers(nu=0.05), partial(MLP, width=6, depth=2), 3)
    assert_recordable(trial.windows[number])


def test_what_has_ended_leaves_no_memory():
    """A recording keeps nothing that keeps it, and is gone before the next one is made."""
    capture = Capture()
    recorded = Recorder(capture).of(made(Burgers(nu=0.05)))
    theta = recorded.inner.residuals.theta()
    recorded.jacobian(theta)
    (recording,) = recorded.recorder.recordings.values()
    first = weakref.ref(recording)
    del recording
    capture.watched = first
    recorded.at(points(recorded.inner, 0, interior=31)).jacobian(theta)
    assert capture.gone
    residuals = weakref.ref(recorded.inner.residuals)
    gc.disable()
    try:
        del recorded
        assert residuals() is None
    finally:
        gc.enable()
