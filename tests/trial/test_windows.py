"""Windows of time: nothing is lost at the seams, and a run in windows is saved, loaded and resumed like any other."""

import json
from functools import partial

import h5py
import numpy as np
import pytest
import torch
from stopping import Stop

import pinn
from pinn.basis.errors import UserError
from pinn.networks import MLP, RandomFeatures
from pinn.optimizers import Adam, LeastDamping, LevenbergMarquardt, LinearLeastSquares
from pinn.problem import Problem
from pinn.problems import Burgers, Convection, KdV, Poisson2D, Wave
from pinn.report.show import describe
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.execution import Execution
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling import ChebyshevSampler, SobolSampler
from pinn.solution_file.measured import kept_measurement
from pinn.terms import Boundary, Dirichlet, Initial, Interior
from pinn.training import Callback, History, Plan, Stage, Stages, Trainer, Training
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_trial, make_windows, time_orders
from pinn.trial.windows import WindowedTrial

SMALL = partial(MLP, width=6, depth=2, activation="sin")


class Flow(Problem):
    """u_t + p_x = 0, u_x + p_t... with a pressure that no term derives in time: nothing of it goes on at a seam."""

    def __init__(self) -> None:
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 2))
        self.fields = ("u", "p")

    def terms(self):
        return {
            "momentum": Interior(lambda u_t, p_x: u_t + p_x),
            "mass": Interior(lambda u_x: u_x),
            "inflow": Dirichlet(u=0.0, p=1.0, on="x.min"),
            "start": Initial(u=0.0),
        }


def shaken(problem, windows=4, **settings):
    """A trial function in windows, all its parameters random."""
    torch.manual_seed(0)
    trial = make_windows(problem, SMALL, windows, **settings)
    for window in trial.windows:
        window.load_parameters({name: v + 0.3 * torch.randn_like(v) for name, v in window.parameters().items()})
    return trial


def at_seam(trial, number):
    """Points on the seam before window `number`, away from the walls."""
    lower, upper = trial.windows[number].domain.bounds["x"]
    x = torch.linspace(lower + 0.1 * (upper - lower), upper - 0.1 * (upper - lower), 7, dtype=torch.float64)
    start = trial.windows[number].domain.bounds["t"][0]
    return torch.stack([x, torch.full_like(x, start)], 1)


# Seams


@pytest.mark.parametrize("engine", ["taylor", "reverse"])
@pytest.mark.parametrize("constraints", ["hard", "soft"])
@pytest.mark.parametrize(
    ("problem", "names"),
    [
        (Burgers(), ("u", "u_x", "u_xx")),
        (KdV(), ("u", "u_x", "u_xxx")),
        (Wave(), ("u", "u_t", "u_x", "u_xt", "u_xx")),
    ],
)
def test_what_the_equation_carries_on_is_continuous_to_rounding(problem, names, constraints, engine):
    trial = shaken(problem, constraints=constraints, derivatives=engine)
    for number in range(1, 4):
        points = at_seam(trial, number)
        before = trial.windows[number - 1].evaluate(names, points)
        after = trial.windows[number].evaluate(names, points)
        for name in names:
            size = max(1.0, float(before[name].abs().max()))
            # sums of a few terms as large as the derivative in each of up to four networks
            assert float((before[name] - after[name]).abs().max()) < 1e-12 * size, (number, name)


def test_the_next_derivative_in_time_is_free():
    """A window is not bound to what the one before it got wrong."""
    trial = shaken(Wave())
    points = at_seam(trial, 2)
    jump = trial.windows[1].evaluate(["u_tt"], points)["u_tt"] - trial.windows[2].evaluate(["u_tt"], points)["u_tt"]
    assert float(jump.abs().min()) > 1e-3


def test_a_field_without_derivative_in_time_is_each_windows_own():
    assert time_orders(Flow()) == [1, 0]
    trial = shaken(Flow(), windows=2)
    points = at_seam(trial, 1)
    before, after = (window.evaluate(["u", "p"], points) for window in trial.windows)
    assert float((before["u"] - after["u"]).abs().max()) < 1e-14  # one sum
    assert float((before["p"] - after["p"]).abs().min()) > 1e-3


@pytest.mark.parametrize(("problem", "order"), [(Burgers(), 1), (KdV(), 1), (Wave(), 2)])
def test_as_many_derivatives_go_on_as_the_equation_has_in_time(problem, order):
    assert time_orders(problem) == [order]


def test_engines_agree_in_a_later_window():
    names = ["u", "u_t", "u_x", "u_xx", "u_tt", "u_xt", "u_xxt"]
    x = torch.rand(9, 2, dtype=torch.float64) * torch.tensor([1.0, 0.25], dtype=torch.float64) + torch.tensor([0, 0.5])
    taylor = shaken(Wave()).windows[2].evaluate(names, x)
    reverse = shaken(Wave(), derivatives="reverse").windows[2].evaluate(names, x)
    for name in names:
        # STYLE 15
        assert float((taylor[name] - reverse[name]).abs().max()) <= 1e-12 * max(1.0, float(reverse[name].abs().max()))


def test_jacobians_agree_in_a_later_window():
    window = shaken(Wave()).windows[2]
    points = {"interior": SobolSampler(interior=40).draw(window.domain, pinn.domains.Region(), torch.Generator())}
    residuals = (make_residuals(window), Residuals(window, skip=("walls", "start")))
    theta = residuals[0].theta()
    (r, j), (expected_r, expected) = (
        bind(each, points, assembly).jacobian(theta)
        for each, assembly in zip(residuals, (Assembly(), Assembly(jacobian="reference")), strict=True)
    )
    assert float((r - expected_r).abs().max()) <= 1e-12 * float(expected_r.abs().max())
    assert float((j - expected).abs().max()) <= 1e-12 * float(expected.abs().max())


def test_hard_conditions_hold_in_every_window():
    for window in shaken(Burgers()).windows:
        assert make_residuals(window, weights={"walls": 2.0}).blocks == ("momentum",)
    for window in shaken(KdV()).windows:  # third derivatives of a shaken network are large, and so is their rounding
        assert make_residuals(window).blocks == ("equation",)


def test_soft_initial_conditions_are_the_first_windows_alone():
    first, second, *_ = shaken(Wave(), constraints="soft").windows
    assert make_residuals(first).blocks == ("equation", "walls", "start.u", "start.u_t")
    assert make_residuals(second, weights={"start": 5.0}).blocks == ("equation", "walls")


def test_windows_before_are_computed_once_a_set_of_points_and_anew_when_they_change(monkeypatch):
    trial = shaken(Burgers(), windows=3)
    x = torch.rand(5, 2, dtype=torch.float64)
    first = trial.windows[2].evaluate(["u", "u_x"], x)
    calls = []
    monkeypatch.setattr(trial.windows[0].network.core, "forward", lambda z: calls.append(z) or MLP.forward(core, z))
    core = trial.windows[0].network.core
    assert torch.equal(trial.windows[2].evaluate(["u", "u_x"], x)["u_x"], first["u_x"])
    assert not calls
    trial.windows[0].load_parameters({n: 1.1 * v for n, v in trial.windows[0].parameters().items()})
    assert not torch.equal(trial.windows[2].evaluate(["u", "u_x"], x)["u_x"], first["u_x"])
    assert calls


# The whole


def test_a_point_is_answered_by_its_window():
    trial = shaken(Burgers())
    x = torch.tensor([[0.3, 0.1], [0.3, 0.6], [0.3, 0.25], [0.3, 1.0]], dtype=torch.float64)
    found = trial.evaluate(["u_t", "jacobian"], x)
    for row, number in enumerate((0, 2, 0, 3)):  # on a seam, t = 0.25, the earlier one
        expected = trial.windows[number].evaluate(["u_t", "jacobian"], x[row : row + 1])
        for name in ("u_t", "jacobian"):  # to rounding: batches of other sizes round differently on some processors
            torch.testing.assert_close(found[name][row], expected[name][0], rtol=1e-13, atol=1e-13)
    assert trial.evaluate(["u"], x[:0])["u"].shape == (0,)


def test_one_window_is_the_plain_trial_function():
    torch.manual_seed(3)
    plain = make_trial(Burgers(), SMALL)
    torch.manual_seed(3)
    single = make_windows(Burgers(), SMALL)
    torch.manual_seed(3)
    several = make_windows(Burgers(), SMALL, 3)
    assert isinstance(single, TrialFunction) and isinstance(several, WindowedTrial)
    for name, values in plain.parameters().items():
        assert torch.equal(values, single.parameters()[name])
        assert torch.equal(values, several.parameters()[f"window_0/{name}"])


def settings(steps=4, windows=3, **others):
    return Training(
        **({"steps": steps, "windows": windows, "time_limit": None, "check_every": 3, "held_out": 80} | others)
    )


def solve(folder=None, *, training=None, optimizer=None, problem=None, **others):
    return pinn.solve(
        problem or Burgers(nu=0.1),
        SMALL,
        optimizer or LeastDamping(),
        SobolSampler(interior=120, boundary=10, redraw_every=3),
        training or settings(),
        output=pinn.Output(figures=False, resolution=9),
        folder=folder,
        compile="never",
        **others,
    )


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


def assert_same_run(a, b):
    for name, values in a.trial.parameters().items():
        assert torch.equal(values, b.trial.parameters()[name]), name
    for name, column in a.history.items():
        measured = np.isfinite(column)  # a run's last step is measured even where none is due
        if name != "seconds":
            np.testing.assert_array_equal(column[measured], b.history[name][measured], err_msg=name)
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
    assert_same_run(whole, solve(tmp_path / "parts", optimizer=optimizer, resume=True))


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
        assert_same_run(whole, solve(tmp_path / str(step), optimizer=optimizer, resume=True))


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


# Mistakes


class Unknown(Burgers):
    unknowns = {"nu": 0.1}  # noqa: RUF012

    def __init__(self):
        super().__init__()
        del self.nu

    def momentum(self, u, u_t, u_x, u_xx, nu):
        return u_t + u * u_x - nu * u_xx


class Ahead(Burgers):
    def terms(self):
        return super().terms() | {"end": Boundary(lambda u: u, on="t.max")}


class Probed(Burgers):
    def terms(self):
        return super().terms() | {"probe": pinn.Data(at={"x": [0.1, 0.2], "t": 0.5}, u=[0.0, 0.1])}


class Part(Problem):
    """u_t = 0 in space, with an inclusion whose boundary is a condition."""

    def __init__(self) -> None:
        self.domain = pinn.Box(x=(0, 1), y=(0, 1)) * pinn.Time(t=(0, 2))
        self.inclusion = pinn.Box(x=(0.4, 0.6), y=(0.4, 0.6)) * pinn.Time(t=(0, 2))
        self.fields = ("u",)

    def terms(self):
        return {
            "still": Interior(lambda u_t: u_t),
            "inclusion": Dirichlet(u=1.0, of=self.inclusion),
            "mean": pinn.Mean(u=0.5),
            "start": Initial(u=1.0),
        }


def test_points_of_every_region_lie_in_the_window():
    trial = shaken(Part(), windows=4)
    residuals = make_residuals(trial.windows[2])
    assert residuals.blocks == ("still", "inclusion", "mean")
    for label, group in residuals.regions.items():
        points = SobolSampler(interior=50, boundary=20).draw(trial.windows[2].domain, group.region, torch.Generator())
        times = points.x[:, 2]
        assert float(times.min()) >= 1.0 and float(times.max()) <= 1.5, label
        assert bool((points.x[:, :2].min(0).values >= (0.4 if "of" in label else 0.0)).all())


class Still(Burgers):
    def terms(self):
        return {"equation": Interior(lambda u_xx: u_xx)}


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (Poisson2D(), "poisson_2d cannot be solved in windows of time: it has no time"),
        (Unknown(), "each would identify its own nu"),
        (Ahead(), "end holds at the end of time"),
        (Probed(), "probe is bound to times of its own"),
        (Still(), "none of its terms has a derivative in time"),
    ],
)
def test_problems_that_cannot_be_cut_say_why(problem, message):
    with pytest.raises(UserError, match=message) as caught:
        solve(problem=problem)
    assert "windows=1" in str(caught.value)


def test_a_checkpoint_of_other_windows_is_refused(tmp_path):
    solve(tmp_path, callbacks=[Stop(6)])
    with pytest.raises(UserError, match="belongs to another network or problem"):
        solve(tmp_path, training=settings(windows=1), resume=True)
    with pytest.raises(UserError, match="is of a run in 3 windows, not in 4"):
        solve(tmp_path, training=settings(windows=4), resume=True)
    solve(tmp_path / "one", training=settings(windows=1, steps=3))
    with pytest.raises(UserError, match="is of a run in 1 windows, not in 3"):
        solve(tmp_path / "one", resume=True)


def test_windows_below_one_are_refused():
    with pytest.raises(UserError, match=r"training\.windows must be >= 1 or auto, got 0"):
        Training(windows=0)


def test_a_plan_trains_a_single_window():
    torch.manual_seed(0)
    problem, history = Burgers(nu=0.1), History()
    plan = Plan(problem, SMALL, LeastDamping(), SobolSampler(interior=80), settings(steps=2))
    plan.trainer(make_trial(problem, SMALL), Execution(), callbacks=[history]).run()
    assert len(history.records) == 2
