"""Windows of time that come by themselves: as long as each is solved, saved, loaded and resumed like any other."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from stopping import Stop

import pinn
from pinn.basis.errors import UserError
from pinn.distributed.team import Alone
from pinn.networks import MLP, RandomFeatures, Spectral
from pinn.optimizers import LeastDamping, LinearLeastSquares
from pinn.problem import Problem
from pinn.problems import Poisson2D
from pinn.sampling import ChebyshevSampler, SobolSampler
from pinn.solving.blueprint import Blueprint
from pinn.terms import Initial, Interior
from pinn.training import Training
from pinn.training.clock import Clock
from pinn.training.marching import UNSMOOTH
from pinn.training.plan import Plan
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_windows
from pinn.trial.windows import WindowedTrial


class Decay(Problem):
    """y' = -y."""

    def __init__(self, end: float = 2.0) -> None:
        self.end = end
        self.domain = pinn.Time(t=(0, end))
        self.fields = ("y",)

    def terms(self):
        return {"decay": Interior(lambda y, y_t: y_t + y), "start": Initial(y=1.0)}


class Well(Problem):
    """x'' = x - x^3, from next to the hill between two wells: at rest there is a solution, too, of another start."""

    def __init__(self) -> None:
        self.domain = pinn.Time(t=(0, 8))
        self.fields = ("x",)

    def terms(self):
        return {"motion": Interior(lambda x, x_tt: x_tt - x + x**3), "start": Initial(x=1e-2, x_t=0.0)}


class Prey(Problem):
    """Lotka and Volterra's equations with fields of some hundreds, in a unit of time of `unit`."""

    def __init__(self, unit: float = 1.0) -> None:
        self.unit = unit
        self.domain = pinn.Time(t=(0, 3 * unit))
        self.fields = ("r", "p")

    def terms(self):
        return {
            "prey": Interior(lambda r, p, r_t: self.unit * r_t - (2 * r - 0.04 * r * p)),
            "predator": Interior(lambda r, p, p_t: self.unit * p_t - (0.02 * r * p - 1.06 * p)),
            "start": Initial(r=100.0, p=15.0),
        }


def solve(problem, folder=None, *, training=None, callbacks=(), resume=False, windows="auto", **others):
    return pinn.solve(
        problem,
        RandomFeatures if windows == "auto" else partial(RandomFeatures, width=60),
        LinearLeastSquares(),
        ChebyshevSampler(interior=3000 if windows == "auto" else 180),
        training or Training(windows=windows, check_every=1, time_limit=None),
        initial_guess="features" if windows == "auto" else None,
        output=pinn.Output(figures=False, resolution=9, estimate=False),
        folder=folder,
        callbacks=callbacks,
        resume=resume,
        **others,
    )


def error(found, function, start, end):
    """The largest error of the first field, over its largest value."""
    t = np.linspace(0, end, 200)
    y = solve_ivp(function, (0, end), start, method="DOP853", rtol=1e-12, atol=1e-14, t_eval=t).y[0]
    got = found(t=t)
    return np.abs((got if isinstance(got, np.ndarray) else got["r"]) - y).max() / np.abs(y).max()


# Time alone


@pytest.mark.parametrize("engine", ["taylor", "reverse"])
def test_a_window_without_space_goes_on_from_the_one_before(engine):
    torch.manual_seed(0)
    trial = make_windows(Well(), partial(MLP, width=5, depth=2), 3, derivatives=engine)
    for window in trial.windows:
        window.load_parameters({name: v + 0.3 * torch.randn_like(v) for name, v in window.parameters().items()})
    for number in (1, 2):
        seam = torch.full((4, 1), trial.ends[number - 1], dtype=torch.float64)
        before, after = (trial.windows[k].evaluate(["x", "x_t"], seam) for k in (number - 1, number))
        for name in ("x", "x_t"):
            torch.testing.assert_close(before[name], after[name], rtol=1e-12, atol=1e-12)  # sums of a few terms


def test_an_ordinary_differential_equation_in_equal_windows():
    found = solve(Decay(), windows=2)
    t = np.linspace(0, 2, 50)
    assert np.abs(found(t=t) - np.exp(-t)).max() < 1e-11  # 1e-14 measured


def test_one_window_is_enough_where_it_is(tmp_path):
    """And the file is that of a run without windows."""
    found = solve(Decay(), tmp_path)
    t = np.linspace(0, 2, 50)
    assert np.abs(found(t=t) - np.exp(-t)).max() < 1e-10  # 2e-12 measured
    assert isinstance(found.trial, TrialFunction)
    again = pinn.load(tmp_path, trust=True)
    assert isinstance(again.trial, TrialFunction)
    assert np.array_equal(again(t=t), found(t=t))


def test_the_solution_of_the_start_is_found_and_not_that_at_rest():
    found = solve(Well())
    assert error(found, lambda t, y: [y[1], y[0] - y[0] ** 3], [1e-2, 0.0], 8) < 1e-7  # e^5 times the defect of 1e-10
    assert len(found.trial.windows) > 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, solve(Prey(), folder)


def test_fields_of_any_size_in_any_unit_of_time(whole):
    _, found = whole
    assert (
        error(found, lambda t, y: [2 * y[0] - 0.04 * y[0] * y[1], 0.02 * y[0] * y[1] - 1.06 * y[1]], [100, 15], 3)
        < 1e-9
    )
    slow = solve(Prey(unit=1e6))
    np.testing.assert_allclose(
        slow.attributes["window_ends"],
        1e6 * np.array(found.attributes["window_ends"]),
        rtol=1e-3,  # steps follow the defect, and that rounding
    )
    t = np.linspace(0, 3, 50)
    np.testing.assert_allclose(slow(t=1e6 * t)["r"], found(t=t)["r"], rtol=1e-9)


def test_steps_of_attempts_that_failed_are_no_part_of_the_record(whole):
    folder, found = whole
    assert found.history["step"].tolist() == list(range(1, len(found.history["step"]) + 1))
    assert set(found.history["window"]) == set(range(1, len(found.trial.windows) + 1))
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == len(found.history["step"])


# Files


def test_unequal_windows_are_loaded(whole):
    folder, found = whole
    again = pinn.load(folder, trust=True)
    assert isinstance(again.trial, WindowedTrial)
    assert again.trial.ends == found.trial.ends
    assert np.ptp(np.diff([0.0, *again.trial.ends])) > 1e-3
    t = np.linspace(0, 3, 40)
    assert all(np.array_equal(again(t=t)[name], found(t=t)[name]) for name in ("r", "p"))


def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit(tmp_path, whole):
    """Stopped in the second window."""
    _, found = whole
    stopped = solve(Prey(), tmp_path, callbacks=[Stop(11)])
    assert stopped.attributes["status"] == "interrupted"
    assert pinn.load(tmp_path, trust=True)(t=2.9)["r"] == stopped(t=2.9)["r"]
    again = solve(Prey(), tmp_path, resume=True)
    assert again.trial.ends == found.trial.ends
    for name, values in found.trial.parameters().items():
        assert torch.equal(values, again.trial.parameters()[name]), name
    for name in ("step", "window", "held_out"):
        np.testing.assert_array_equal(again.history[name], found.history[name])


# Limits


def test_what_the_time_limit_leaves_out_is_said(caplog):
    """Of ten thousand decay times some are reached; the rest holds the last state, finite."""
    found = solve(Prey(unit=1.0), training=Training(windows="auto", time_limit=0.5, check_every=1))
    assert found.attributes["wall_seconds"] < 5.5
    if found.attributes["status"] == "time":  # on a fast machine all of it is done
        told = found.attributes["outcome"]
        assert "of 3 is trained" in told or told == "time limit reached"  # in the last window, at its end
    assert np.isfinite(found(t=3.0)["r"])


def test_networks_that_are_trained_are_cut_too():
    found = pinn.solve(
        Decay(end=6.0),
        partial(MLP, width=8, depth=2),
        LeastDamping(),
        SobolSampler(interior=60),
        Training(steps=6, windows="auto", time_limit=None, held_out=60),
        output=pinn.Output(figures=False, resolution=9),
    )
    t = np.linspace(0, 6, 50)
    assert len(found.trial.windows) > 1
    assert np.abs(found(t=t) - np.exp(-t)).max() < 1e-2  # a defect of 1e-4 in each of them


def test_a_guess_in_other_windows_is_refused(whole):
    folder, _ = whole
    with pytest.raises(UserError, match=r"is of other windows; set training\.windows to theirs"):
        pinn.solve(Prey(), RandomFeatures, training=Training(windows="auto"), initial_guess=str(folder))


def test_what_cannot_be_cut_is_one_window(caplog):
    with caplog.at_level("INFO", logger="pinn"):
        assert isinstance(make_windows(Poisson2D(), MLP, "auto"), TrialFunction)

        class Unknown(Decay):
            unknowns = {"k": 1.0}  # noqa: RUF012

            def terms(self):
                return {"decay": Interior(lambda y, y_t, k: y_t + k * y), "start": Initial(y=1.0)}

        assert isinstance(make_windows(Unknown(), MLP, "auto"), TrialFunction)
    assert "windows: one, because unknown cannot be solved in windows of time: each would identify" in caplog.text
    with pytest.raises(UserError, match="must be >= 1 or auto, got few"):
        Training(windows="few")


class Quench(Problem):
    """A hot bar in oil: what flows out at first is not what the start says."""

    def __init__(self):
        self.domain, self.fields = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1)), ("T",)

    def terms(self):
        return {
            "heat": Interior(lambda T_t, T_xx: T_t - 0.1 * T_xx),
            "middle": pinn.Neumann(T=0.0, on="x.min"),
            "oil": pinn.Robin(T=0.0, coefficients=(1.0, 0.1), on="x.max"),
            "start": Initial(T=1.0),
        }


@pytest.mark.parametrize("hasty", [True, False])
def test_a_start_that_is_not_smooth_may_be_left_to_others(hasty):
    plan = Plan(
        Quench(),
        network=partial(Spectral, width=200),
        optimizer=LinearLeastSquares(),
        training=Training(windows="auto", check_every=1),
        constraints="values",
        hasty=hasty,
    )
    blueprint = Blueprint(plan, clock=Clock(4.0))
    trial = blueprint.trial(torch.device("cpu"))
    run = blueprint.training(trial, Alone())
    run.run()
    assert run.cutting.lost > 0.0
    assert run.shortfall.startswith(UNSMOOTH) == hasty
    assert (len(run.finished) == 0) == hasty
