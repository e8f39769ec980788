"""Trackers: each is handed what metrics.jsonl has, and no failure of one costs the run."""

import inspect
import json
import sqlite3
import struct
import time
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

import pinn
from pinn.basis.errors import UserError
from pinn.cli.composition import composed
from pinn.cli.help import choice_options, further_groups
from pinn.cli.own import check_stranger
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.sampling.sequences import SobolSampler
from pinn.training import MLflow, TensorBoard, Trackio, Training, WeightsAndBiases
from pinn.training.callbacks.trackers import Tracker

STEPS = 3
FOREIGN = pytest.mark.filterwarnings("ignore")  # what other people's packages warn of


class Decay(pinn.Problem):
    """u_t = -u."""

    def __init__(self) -> None:
        self.domain, self.fields = pinn.Time(t=(0, 1)), ("u",)

    def terms(self):
        return {"decay": pinn.Interior(lambda u, u_t: u_t + u), "start": pinn.Initial(u=1.0)}


class Kept(Tracker):
    """Keeps what it is handed."""

    needs = module = "json"

    def _open(self, step):
        self.seen = [("open", step)]

    def _log(self, step, numbers):
        self.seen.append((step, numbers))

    def _close(self):
        self.seen.append(("close", None))


class Broken(Kept):
    def _log(self, step, numbers):
        super()._log(step, numbers)
        raise OSError("no route to host")


def track(tracker: Tracker) -> list[dict]:
    """A run of some steps into the tracker's folder; returns the lines of its metrics.jsonl."""
    pinn.solve(
        Decay(),
        partial(MLP, width=4, depth=1),
        LeastDamping(),
        SobolSampler(interior=20),
        Training(steps=STEPS, held_out=20),
        output=pinn.Output(figures=False, resolution=9),
        compile="never",
        folder=tracker.folder,
        callbacks=[tracker],
    )
    return [json.loads(line) for line in (tracker.folder / "metrics.jsonl").read_text().splitlines()]


def test_it_is_handed_the_lines_of_the_metrics(tmp_path):
    tracker = Kept(tmp_path / "decay" / "first", {})
    lines = track(tracker)
    assert tracker.name == "decay/first"
    (began, *steps, ended) = tracker.seen
    assert (began, ended) == (("open", 0), ("close", None))
    assert steps == [(line["step"], line) for line in lines]
    assert len(lines) == STEPS


def test_one_that_fails_is_told_of_once_and_costs_nothing(tmp_path, caplog):
    tracker = Broken(tmp_path, {})
    with caplog.at_level("WARNING", logger="pinn"):
        assert len(track(tracker)) == STEPS
    assert [step for step, _ in tracker.seen] == ["open", 1]
    assert [m for m in caplog.messages if "Broken" in m] == [
        "Broken fails, the run goes on without it: no route to host"
    ]
    assert (tmp_path / "solution.h5").is_file()


def test_a_program_that_is_not_installed_is_named(tmp_path):
    class Missing(Kept):
        needs, module = "missing-tracker", "missing_tracker"

    with pytest.raises(UserError, match="Missing needs missing-tracker: pip install missing-tracker"):
        Missing(tmp_path, {})


@pytest.mark.parametrize("choice", further_groups()["tracker"])
def test_options_are_the_constructors(choice):
    node = composed([f"tracker={choice}"]).tracker
    given = OmegaConf.to_container(node)
    arguments = inspect.signature(get_class(given.pop("_target_"))).parameters
    assert given.pop("_partial_")
    assert given == {name: p.default for name, p in arguments.items() if p.default is not p.empty}
    assert set(choice_options("tracker", choice)) == set(given)


def test_none_is_there_by_default():
    assert composed([]).tracker is None


def test_a_strangers_run_has_none_without_trust():
    configuration = {"tracker": {"_target_": "pinn.training.MLflow", "uri": "http://elsewhere"}}
    with pytest.raises(UserError, match="has a tracker that is handed the record, and was not made here"):
        check_stranger(configuration, Path("config.yaml"))


def loss(lines: list[dict]) -> list[float]:
    return [line["loss"] for line in lines]


@FOREIGN
def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = TensorBoard(tmp_path, {})
    lines = track(tracker)
    read = EventAccumulator(str(tracker.place))
    read.Reload()
    found = read.Scalars("loss")
    assert [event.step for event in found] == [line["step"] for line in lines]
    np.testing.assert_allclose([event.value for event in found], loss(lines), rtol=1e-6)  # kept in single precision


@FOREIGN
def test_mlflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where it makes a folder
    mlflow = pytest.importorskip("mlflow")
    tracker = MLflow(tmp_path / "run", {"seed": 0}, uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    lines = track(tracker)
    found = mlflow.MlflowClient(tracking_uri=tracker.uri).get_metric_history(tracker.run_id, "loss")
    assert [metric.step for metric in found] == [line["step"] for line in lines]
    assert [metric.value for metric in found] == loss(lines)
    assert all(time.time() - 600 < metric.timestamp / 1000 <= time.time() for metric in found)


def records(data: bytes) -> Iterator[bytes]:
    """Those of a log of wandb, whose own reader is not in all its versions: in blocks, whole (1) or first to last."""
    at, parts = len(b":W&B") + 3, b""
    while at + 7 <= len(data):
        if at % 2**15 > 2**15 - 7:  # a header does not cross two blocks
            at += -at % 2**15
        _, length, kind = struct.unpack_from("<LHB", data, at)
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield parts
            parts = b""


@FOREIGN
def test_weights_and_biases(tmp_path):
    pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2

    lines = track(WeightsAndBiases(tmp_path, {}, mode="offline"))
    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    found = []
    for data in records(path.read_bytes()):
        record = wandb_internal_pb2.Record.FromString(data)
        items = {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
        found += [json.loads(items["loss"])] if "loss" in items else []
    assert found == loss(lines)


@FOREIGN
def test_trackio(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported
    pytest.importorskip("trackio")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        lines = track(Trackio(tmp_path / "run", {}))
    assert not [warning for warning in told if "Reserved keys" in str(warning.message)]
    (path,) = Path(tmp_path / "trackio").glob("pinn*.db")
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT step, metrics FROM metrics ORDER BY step").fetchall()
    assert [step for step, _ in rows] == [line["step"] for line in lines]
    assert [json.loads(metrics)["loss"] for _, metrics in rows] == loss(lines)
