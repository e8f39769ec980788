"""Runs in windows of time are recorded, limited, saved, loaded and resumed like any other."""

import json
from functools import partial

import h5py
import numpy as np
import pytest
import torch
from agreement import assert_same_run
from stopping import Stop
from windowed import SMALL, settings, solve

import pinn
from pinn.basis.errors import UserError
from pinn.networks import RandomFeatures
from pinn.optimizers import Adam, LeastDamping, LevenbergMarquardt, LinearLeastSquares
from pinn.problems import Burgers, Convection, Wave
from pinn.report.show import describe
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.execution import Execution
from pinn.sampling import ChebyshevSampler, SobolSampler
from pinn.solution_file.measured import kept_measurement
from pinn.training import Callback, History, Plan, Stage, Stages, Trainer, Training
from pinn.trial.making import make_trial, make_windows


def test_one_window_is_trained_as_without_windows():
    found = solve(training=settings(windows=1))
    torch.manual_seed(0)
    residuals = make_residuals(make_trial(Burgers(nu=0.1), SMALL))
    sampler, training = SobolSampler(interior=120, boundary=10, redraw_every=3), settings(windows=1)
    Trainer(residuals, LeastDamping(), sampler, training).run()
    for name, values in residuals.trial.parameters().items():
        assert torch.equal(values, found.trial.parameters()[name])
    assert "window" not in found.history


def test_a_linear_problem_is_solved_window_by_window():
    """Four periods in time; 300 features in one window come to 2e-5."""
    found = pinn.solve(
        Wave(),
        partial(RandomFeatures, width=300, scale=12.0),
        LinearLeastSquares(),
        ChebyshevSampler(interior=900),
        Training(windows=4, held_out=200),
        output=pinn.Output(figures=False, resolution=65),
    )
    assert found.errors()["u"]["relative_l2"] < 1e-9  # 6e-12 measured, in a second
    assert set(found.history["window"]) == {1, 2, 3, 4}


def test_features_keep_the_waves_in_time_of_the_whole():
    """Along time a window's are shorter by the number of windows, along space as without windows."""
    torch.manual_seed(0)
    whole = make_windows(Wave(), partial(RandomFeatures, width=9)).network.core.waves
    torch.manual_seed(0)
    window = make_windows(Wave(), partial(RandomFeatures, width=9), 4).windows[0].network.core.waves
    assert torch.equal(window, whole * torch.tensor([1.0, 0.25]))


def test_the_record_of_a_run(caplog):
    with caplog.at_level("INFO", logger="pinn"):
        found = solve()
    assert found.history["step"].tolist() == list(range(1, 13))
    assert found.history["window"].tolist() == [1] * 4 + [2] * 4 + [3] * 4
    assert (np.diff(found.history["seconds"]) > 0).all()
    measured = found.history["step"][np.isfinite(found.history["held_out"])]
    assert measured.tolist() == [1, 3, 4, 5, 7, 8, 9, 11, 12]  # in each window 1, 3 and its last
    assert found.points["interior"].shape == (360, 2)
    for text in ("window 2/3: t in [0.333333, 0.666667]", "window 1/3  step 1/12", "window 3/3 ends at step 12: all"):
        assert text in caplog.text


def test_the_time_limit_is_the_runs(caplog):
    """The first window takes a step; what a window does not use is there for the others."""
    found = solve(training=settings(steps=1000, windows=3, time_limit=1e-6))
    assert found.history["window"].tolist() == [1]
    told = "the time limit ended the run in window 2 of 3: t up to 0.3333 of 1 is trained"
    assert found.attributes["status"] == "time"
    assert found.attributes["outcome"] == told
    assert told in caplog.text and "no time is left for a step" in caplog.text
    ends = solve(training=settings(steps=1000, windows=3, time_limit=3.0)).history
    seconds = np.array([ends["seconds"][ends["window"] == k][-1] for k in (1, 2, 3)])
    # training has 1 s, and what is before it counts; a step takes some 20 ms, here allowed 400
    assert 0.9 <= seconds[-1] < 2.2
    assert (np.diff(seconds) > 0.05).all()


def test_a_window_starts_from_the_hidden_layers_of_the_one_before():
    starts = []

    class Watch(Callback):
        def on_start(self, trainer):
            self.trial = trainer.trial

        def on_step(self, record):
            starts.append({name: v.clone() for name, v in self.trial.parameters().items()})

    torch.manual_seed(0)
    fresh = make_windows(Burgers(nu=0.1), SMALL, 3).parameters()
    found = solve(callbacks=[Watch()], optimizer=Adam(), training=settings(steps=1, windows=3))
    before, after = found.trial.parameters(), starts[1]  # parameters go into the trial function at a window's end
    for name in (name for name in before if name.startswith("window_0/")):
        other = name.replace("window_0", "window_1")
        carried = fresh[other] if "last" in name else before[name] + 0.01 * fresh[other]
        assert torch.equal(after[other], carried)


# Files


def assert_same_windows(a, b):
    assert_same_run(a, b)
    assert {k: v.tolist() for k, v in a.points.items()} == {k: v.tolist() for k, v in b.points.items()}


@pytest.fixture(scope="module")
def wholes():
    """Optimizer -> its run that nothing interrupts, once solved."""
    return {}


@pytest.mark.parametrize("step", [2, 4, 6, 8, 11])  # within windows and on their ends
@pytest.mark.parametrize("optimizer", [LeastDamping(), Adam(learning_rate=0.5)])  # the latter is best at its start
def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit(tmp_path, wholes, step, optimizer):
    name = type(optimizer).__name__
    whole = wholes[name] = wholes.get(name) or solve(tmp_path / "whole", optimizer=optimizer)
    stopped = solve(tmp_path / "parts", optimizer=optimizer, callbacks=[Stop(step)])
    assert stopped.attributes["status"] == "interrupted"
    assert len(stopped.history["step"]) == step
    assert_same_windows(whole, solve(tmp_path / "parts", optimizer=optimizer, resume=True))


@pytest.mark.parametrize(
    ("optimizer", "steps"),
    [
        (LinearLeastSquares(), (1, 2, 3)),  # each window ends by itself, when it has settled after a step
        (Stages([Stage(Adam(), steps=3), Stage(LevenbergMarquardt(), steps=2)]), (3, 5, 7, 8, 10, 12)),
    ],
)
def test_resuming_a_run_that_failed_at_the_end_of_a_window_or_stage(tmp_path, optimizer, steps):
    class Failing(Callback):
        def __init__(self, step):
            self.step = step

        def on_step(self, record):
            if record["step"] == self.step:
                raise ZeroDivisionError

    whole = solve(tmp_path / "whole", optimizer=optimizer)
    for step in steps:
        with pytest.raises(ZeroDivisionError):
            solve(tmp_path / str(step), optimizer=optimizer, callbacks=[Failing(step)])
        assert_same_windows(whole, solve(tmp_path / str(step), optimizer=optimizer, resume=True))


def test_windows_that_were_not_reached_hold_the_last_state(tmp_path):
    stopped = solve(tmp_path, callbacks=[Stop(6)], problem=Convection(speed=1.0))
    x = np.linspace(0, 6, 5)
    last, later = stopped(x=x, t=2 / 3), stopped(x=x, t=[[0.8], [1.0]])
    start = np.sin(x)  # the ansatz is u = sin x + t N, and N is held
    assert np.abs(start + 0.8 / (2 / 3) * (last - start) - later[0]).max() < 1e-13  # a few operations
    assert np.abs(start + 1.0 / (2 / 3) * (last - start) - later[1]).max() < 1e-13
    assert np.isfinite(stopped.errors()["u"]["max"])
    loaded = pinn.load(tmp_path)
    assert np.array_equal(loaded(x=x, t=1.0), stopped(x=x, t=1.0))


def test_a_saved_run_is_evaluated_across_seams(tmp_path):
    found = solve(tmp_path, problem=Wave())
    loaded = pinn.load(tmp_path)
    x, t = np.linspace(0, 1, 6), np.linspace(0, 1, 13)[:, None]
    assert np.array_equal(loaded(x=x, t=t), found(x=x, t=t))
    assert np.array_equal(loaded.derivative("u_tt", x=x, t=t), found.derivative("u_tt", x=x, t=t))
    below, above = (loaded.derivative("u_t", x=x, t=1 / 3 + 1e-9 * side) for side in (-1, 1))
    # 2e-9 apart in time: u_tt, some hundreds, and the rounding of the difference
    assert np.abs(below - above).max() < 1e-5
    assert loaded.history["window"].tolist() == found.history["window"].tolist()
    assert loaded.attributes["windows"] == 3
    with h5py.File(tmp_path / "solution.h5") as file:
        assert {"window_0", "window_1", "window_2"} <= set(file["network"])
        assert file["network/window_1/core.last.weight"].shape == (1, 6)
        assert np.isfinite(file["residual/equation"][()]).all()
    assert "/network/window_2/core.last.bias" in describe(tmp_path)
    assert json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["window"] == 3


def test_a_saved_run_opens_in_xarray(tmp_path):
    xarray = pytest.importorskip("xarray")
    solve(tmp_path)
    with xarray.open_dataset(tmp_path / "solution.h5", engine="h5netcdf") as data:
        assert data["u"].dims == ("t", "x")
    with xarray.open_dataset(tmp_path / "solution.h5", group="network/window_1", engine="h5netcdf") as data:
        assert data["core.last.weight"].shape == (1, 6)


def test_a_saved_run_is_an_initial_guess(tmp_path):
    first = solve(tmp_path, training=settings(steps=12))
    starts = {}

    class Watch(Callback):
        def on_start(self, trainer):
            self.trainer = trainer

        def on_step(self, record):
            starts.setdefault(record["window"], record["loss"])

    solve(initial_guess=str(tmp_path), callbacks=[Watch()])
    for number in (1, 2, 3):  # the loss falls by a factor of 100 and more in these steps
        at = first.history["window"] == number
        assert starts[number] < 0.1 * first.history["loss"][at][0]
    with pytest.raises(UserError, match="parameters do not fit"):
        solve(initial_guess=str(tmp_path), training=settings(windows=1))


def test_the_measurement_of_a_run_in_windows_is_that_of_the_whole_time():
    """Mean squares of equal windows average to that of all of time; each window counts with its best step."""
    history = {
        "step": np.arange(1, 6),
        "window": np.array([1, 1, 2, 2, 2]),
        "held_out": np.array([0.3, 0.1, np.nan, 0.5, 0.7]),
        "held_out/a": np.array([0.3, 0.1, np.nan, 0.5, 0.7]),
        "held_out/start": np.array([0.2, 0.05, np.nan, np.nan, np.nan]),  # the first window's alone
    }
    found = kept_measurement(history)
    assert found["held_out/a"] == pytest.approx(0.3)
    assert found["held_out/start"] == pytest.approx(0.05)


def test_a_checkpoint_of_other_windows_is_refused(tmp_path):
    solve(tmp_path, callbacks=[Stop(6)])
    with pytest.raises(UserError, match="belongs to another network or problem"):
        solve(tmp_path, training=settings(windows=1), resume=True)
    with pytest.raises(UserError, match="is of a run in 3 windows, not in 4"):
        solve(tmp_path, training=settings(windows=4), resume=True)
    solve(tmp_path / "one", training=settings(windows=1, steps=3))
    with pytest.raises(UserError, match="is of a run in 1 windows, not in 3"):
        solve(tmp_path / "one", resume=True)


def test_a_plan_trains_a_single_window():
    torch.manual_seed(0)
    problem, history = Burgers(nu=0.1), History()
    plan = Plan(problem, SMALL, LeastDamping(), SobolSampler(interior=80), settings(steps=2))
    plan.trainer(make_trial(problem, SMALL), Execution(), callbacks=[history]).run()
    assert len(history.records) == 2
