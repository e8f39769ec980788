"""Windows of time: nothing is lost at the seams, and what cannot be cut says why."""

import pytest
import torch
from windowed import SMALL, shaken, solve

import pinn
from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.problems import Burgers, KdV, Poisson2D, Wave
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling import SobolSampler
from pinn.terms import Boundary, Dirichlet, Initial, Interior
from pinn.training import Training
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_trial, make_windows, time_orders
from pinn.trial.windows import WindowedTrial


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


def test_windows_that_hold_the_last_state_are_not_trained():
    trial = make_windows(Wave(), SMALL, 4)
    assert trial.untrained == 0.0
    trial.hold_from(1)
    assert trial.untrained == pytest.approx(0.75)


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


def test_windows_below_one_are_refused():
    with pytest.raises(UserError, match=r"training\.windows must be >= 1 or auto, got 0"):
        Training(windows=0)
