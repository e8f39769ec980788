"""Checkpoints: what is written is read back, and a resumed run goes on as if it had not stopped."""

import errno
import json
import signal
from functools import partial

import h5py
import pytest
import torch
from agreement import assert_same_run
from stopping import Stop

import pinn
from pinn import optimizers
from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.optimizers import Adam, LeastDamping, LevenbergMarquardt, TrustRegion
from pinn.problems import Burgers
from pinn.sampling import R3, RAR, FlowSampling, ResidualAttention, SobolSampler
from pinn.training import Stage, Stages
from pinn.training.checkpoint import load_tree, save_tree
from pinn.training.weighting import BalancedWeights

OPTIMIZERS = {
    name: getattr(optimizers, name)
    for name in optimizers.__all__
    if isinstance(getattr(optimizers, name), type)
    and issubclass(getattr(optimizers, name), optimizers.Optimizer)
    and not getattr(getattr(optimizers, name), "__abstractmethods__", None)
}


OPTIMIZERS["TorchOptimizer"] = partial(optimizers.TorchOptimizer, torch.optim.NAdam)


def small_network(inputs, outputs):
    return MLP(inputs, outputs, width=6, depth=2)


def solve(folder, steps, optimizer=None, sampler=None, resume=False, callbacks=(), checkpoint_seconds=60.0, **settings):
    return pinn.solve(
        Burgers(nu=0.1),
        small_network,
        optimizer=optimizer or LeastDamping(),
        sampler=sampler or SobolSampler(interior=150, boundary=10, redraw_every=4),
        training=pinn.Training(
            steps=steps, time_limit=None, check_every=3, held_out=100, checkpoint_seconds=checkpoint_seconds
        ),
        output=pinn.Output(figures=False, resolution=9),
        folder=folder,
        resume=resume,
        callbacks=callbacks,
        scaling="none",
        **settings,
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit(tmp_path, name):
    first = 2 if name == "LinearLeastSquares" else 5  # it has settled after three
    whole = solve(tmp_path / "whole", 10, OPTIMIZERS[name]())
    solve(tmp_path / "parts", first, OPTIMIZERS[name]())
    assert_same_run(whole, solve(tmp_path / "parts", 10, OPTIMIZERS[name](), resume=True))


def test_points_that_stay_until_they_are_learnt_are_resumed(tmp_path, caplog):
    """Few points and many parameters: they are learnt by heart soon, and renewed."""
    sampler = SobolSampler(interior=30, boundary=10)
    with caplog.at_level("INFO", logger="pinn"):
        whole = solve(tmp_path / "whole", 16, TrustRegion(), sampler)
    assert "new points at step" in caplog.text
    for stop in (9, 10, 16):  # between two looks at the losses, and at one
        parts = solve(tmp_path / "parts", stop, TrustRegion(), sampler, resume=stop > 9)
    assert_same_run(whole, parts)


class BrokenOff(TrustRegion):
    """Its eleventh step is broken off, for which it has been looked whether points stay."""

    begun = 0

    def step(self, theta, state, least_squares):
        BrokenOff.begun += 1
        if BrokenOff.begun == 11:
            raise KeyboardInterrupt
        return super().step(theta, state, least_squares)


def test_a_look_at_the_losses_is_not_counted_where_its_step_is_broken_off(tmp_path):
    sampler = SobolSampler(interior=150, boundary=10)
    whole = solve(tmp_path / "whole", 16, TrustRegion(), sampler)
    assert len(solve(tmp_path / "parts", 16, BrokenOff(), sampler).history["step"]) == 10
    assert_same_run(whole, solve(tmp_path / "parts", 16, TrustRegion(), sampler, resume=True))


@pytest.mark.parametrize("adaptation", [RAR(), R3(), ResidualAttention(renewed=0.5), FlowSampling(bins=4, steps=2)])
def test_the_state_of_adaptive_sampling_is_resumed(tmp_path, adaptation):
    sampler = SobolSampler(interior=150, boundary=10, redraw_every=4, adaptation=adaptation)
    whole = solve(tmp_path / "whole", 14, sampler=sampler)
    solve(tmp_path / "parts", 9, sampler=sampler)
    assert_same_run(whole, solve(tmp_path / "parts", 14, sampler=sampler, resume=True))


def test_resuming_inside_a_second_stage_with_moving_weights(tmp_path):
    def stages(steps):
        return Stages([Stage(Adam(), steps=5), Stage(LevenbergMarquardt(), steps=steps)])

    settings = {"constraints": "soft", "weighting": BalancedWeights()}
    whole = solve(tmp_path / "whole", None, stages(8), **settings)
    solve(tmp_path / "parts", None, stages(3), **settings)
    assert_same_run(whole, solve(tmp_path / "parts", None, stages(8), resume=True, **settings))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_saves_and_can_be_resumed(tmp_path, number, caplog):
    whole = solve(tmp_path / "whole", 12)
    with caplog.at_level("INFO", logger="pinn"):
        stopped = solve(tmp_path / "parts", 12, callbacks=[Stop(6, number)])
    assert stopped.attributes["status"] == "interrupted"
    assert len(stopped.history["step"]) == 6
    assert f"pinn resume {tmp_path / 'parts'}" in caplog.text
    assert pinn.load(tmp_path / "parts").attributes["status"] == "interrupted"
    assert_same_run(whole, solve(tmp_path / "parts", 12, resume=True))
    assert signal.getsignal(number) is not None and "interrupt" not in repr(signal.getsignal(number))


def test_metrics_after_the_checkpoint_are_dropped_with_a_torn_line(tmp_path):
    solve(tmp_path, 5)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 6, "loss": 1.0}) + '\n{"step": 7, "lo')
    resumed = solve(tmp_path, 8, resume=True)
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == resumed.history["step"].tolist() == list(range(1, 9))


def test_metrics_that_the_disk_does_not_take_cost_a_checkpoint_and_not_the_run(tmp_path, monkeypatch, caplog):
    """An error of the disk when the second checkpoint's metrics are to be on it, and at none after that."""
    synced = []

    def failing(path):
        synced.append(path.name)
        if len(synced) == 2:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("pinn.training.callbacks.checkpoints.sync", failing)
    settings = {"sampler": SobolSampler(interior=60, boundary=10), "compile": "never", "checkpoint_seconds": 0}
    found = solve(tmp_path, 4, **settings)
    assert found.attributes["status"] == "steps"
    assert synced == 5 * ["metrics.jsonl"]  # four steps and the end
    assert [record.getMessage() for record in caplog.records if "no checkpoint" in record.getMessage()] == [
        f"no checkpoint at this step: cannot write {tmp_path / 'metrics.jsonl'}: [Errno 5] Input/output error; "
        "the one before stays, the next is tried in its turn"
    ]
    assert load_tree(tmp_path / "checkpoint.h5")["position"]["step"] == 4


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    solve(tmp_path, 4)
    with pytest.raises(UserError, match="another network or problem"):
        pinn.solve(Burgers(), MLP, training=pinn.Training(steps=9), folder=tmp_path, resume=True)


TREE = {
    "tensor": torch.arange(6.0, dtype=torch.float64).reshape(2, 3),
    "single": torch.tensor(2.5),
    "bytes": torch.arange(5, dtype=torch.uint8),
    "nested": {"list": [1, 2.5, None, True, "text"], "empty": {}, 3: "an integer key", "a/b": -1},
    "number": 1e-300,
}


def test_trees_come_back_as_they_were(tmp_path):
    save_tree(tmp_path / "tree.h5", TREE)
    found = load_tree(tmp_path / "tree.h5")
    assert list(found) == list(TREE)
    for name in ("tensor", "single", "bytes"):
        assert found[name].dtype == TREE[name].dtype
        assert torch.equal(found[name], TREE[name])
    assert found["nested"] == TREE["nested"]
    assert [type(entry) for entry in found["nested"]["list"]] == [int, float, type(None), bool, str]
    assert found["number"] == 1e-300


def test_what_is_not_plain_is_refused_and_leaves_the_old_file(tmp_path):
    save_tree(tmp_path / "tree.h5", {"a": 1})
    with pytest.raises(TypeError, match="a checkpoint holds tensors, numbers and strings, got object"):
        save_tree(tmp_path / "tree.h5", {"a": object()})
    assert load_tree(tmp_path / "tree.h5") == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["tree.h5"]


def test_missing_and_foreign_files_are_explained(tmp_path):
    with pytest.raises(UserError, match="cannot read the checkpoint"):
        load_tree(tmp_path / "nothing.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(UserError, match="not a checkpoint"):
        load_tree(tmp_path / "foreign.h5")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pinn.solving.examination._asked", lambda *arguments: None)  # no estimate, as in tests
        solve(folder, 3, sampler=SobolSampler(interior=60, boundary=10), compile="never")
    return folder


def _set(*keys, value):
    def change(tree):
        for key in keys[:-1]:
            tree = tree[key]
        tree[keys[-1]] = value(tree[keys[-1]]) if callable(value) else value

    return change


def _nan(values):
    values = values.clone()
    values.view(-1)[1] = torch.nan
    return values


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set("theta", value=_nan), "the checkpoint's parameters are not finite"),
        (_set("best", "theta", value=_nan), "the checkpoint's best parameters are not finite"),
        (_set("best", "theta", value=lambda theta: theta[1:]), "best parameters are of another network"),
        (_set("position", "stage", value=-1), "the checkpoint stands at"),
        (_set("position", "stage", value=7), "a run with more stages"),
        (_set("position", "seconds", value=float("nan")), "the checkpoint stands at"),
        (_set("position", "lost", value=1), "is damaged, or no file of pinn's: TypeError"),
        (_set("weights", value=lambda weights: dict.fromkeys(weights, float("nan"))), "the checkpoint's weight of"),
        (_set("weights", value={}), "another network or problem"),
        (_set("points", "interior", "x", value=_nan), "points interior are not finite"),
        (_set("points", "interior", "x", value=lambda x: x[:, :1]), "points interior have shape"),
        (_set("generator", value=lambda state: state[:9]), "is damaged, or no file of pinn's"),
    ],
)
def test_a_damaged_checkpoint_is_told_in_one_line(stopped, tmp_path, change, told):
    tree = load_tree(stopped / "checkpoint.h5")
    change(tree)
    for name in ("metrics.jsonl", "solution.h5"):
        (tmp_path / name).write_bytes((stopped / name).read_bytes())
    save_tree(tmp_path / "checkpoint.h5", tree)
    with pytest.raises(UserError, match=told) as raised:
        solve(tmp_path, 5, resume=True, sampler=SobolSampler(interior=60, boundary=10), compile="never")
    assert str(tmp_path / "checkpoint.h5") in str(raised.value)


def test_damaged_metrics_are_told_in_one_line(stopped, tmp_path):
    (tmp_path / "checkpoint.h5").write_bytes((stopped / "checkpoint.h5").read_bytes())
    (tmp_path / "metrics.jsonl").write_text('{"loss": 1.0}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl is damaged"):
        solve(tmp_path, 5, resume=True, sampler=SobolSampler(interior=60, boundary=10), compile="never")
