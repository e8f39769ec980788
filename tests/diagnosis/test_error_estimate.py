"""The estimated error against the true one, from the same oracle for all kinds of problems."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.diagnosis.error_estimate import NOTHING, Estimate, missed_values
from pinn.diagnosis.second_stage import staged
from pinn.diagnosis.steps import Correction
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.problems import AllenCahn, Burgers, Convection, Heat, Kovasznay, Poisson2D
from pinn.sampling import SobolSampler
from pinn.solution_file.measured import ErrorEstimate
from pinn.terms import Data, Dirichlet, Interior
from pinn.trial.making import make_trial

SECONDS = 30.0  # more than the search takes, so that a busy machine gives the same numbers
BRIEF = 0.0  # one fit of few features, and one after each correction


def solved(problem: Problem, steps: int, **settings) -> pinn.Solution:
    training = pinn.Training(steps=steps, time_limit=None, check_every=1000, held_out=50, **settings)
    sampler = SobolSampler(interior=500, boundary=50)
    return pinn.solve(problem, partial(MLP, width=16, depth=2), sampler=sampler, training=training, compile="never")


def effectivities(solution: pinn.Solution) -> tuple[ErrorEstimate, list[float]]:
    """The estimate, and its ratio to the true relative L2 error of each field."""
    estimate = staged(solution.trial, None, SECONDS, second_stage=False).measured
    true = {field: error["relative_l2"] for field, error in solution.errors().items()}
    return estimate, [estimate.errors[field] / error for field, error in true.items()]


@pytest.mark.parametrize(
    ("problem", "steps"),
    [
        *(pytest.param(problem, 3, id=problem.name) for problem in (Poisson2D(), Heat(), Convection(speed=3.0))),
        pytest.param(Heat(), 30, id="heat, trained"),
        *(pytest.param(problem, 30, marks=pytest.mark.slow) for problem in (Poisson2D(), Convection(speed=3.0))),
    ],
)
def test_of_a_linear_problem_the_estimate_is_the_error(problem, steps):
    """L e = -r is exact, up to the features and to the nodes on which either is measured (2 % apart)."""
    estimate, ratios = effectivities(solved(problem, steps))
    assert estimate.is_resolved
    assert estimate.left < 1e-2
    assert ratios == pytest.approx([1.0], abs=0.1)


@pytest.mark.parametrize(
    "problem",
    [Burgers(nu=0.1), Kovasznay(), pytest.param(AllenCahn(), marks=pytest.mark.slow)],
    ids=lambda problem: problem.name,
)
def test_of_a_nonlinear_problem_it_is_near(problem):
    """The bounds of the whole catalogue; of this one small network's allen_cahn half the residual stays unexplained."""
    estimate, ratios = effectivities(solved(problem, 20))
    assert estimate.is_resolved or problem.name == "allen_cahn"
    assert all(1 / 3 < ratio < 3 for ratio in ratios)


def test_errors_grow_through_windows_of_time():
    """The last window's error comes from those before it, too, which its own residual does not show."""
    estimate, ratios = effectivities(solved(Heat(), 4, windows=3))
    assert estimate.is_resolved
    assert ratios == pytest.approx([1.0], abs=0.3)


class Given(Correction):
    """Fields and their errors that are known."""

    left, scale = 0.0, 12.0

    def at(self, x):
        t = x[:, 1]
        return {"u": torch.exp(-5 * t)}, {"u": 0.002 * torch.exp(-2 * t)}

    def applied(self):
        raise NotImplementedError


def test_an_error_that_grows_is_trusted_until_it_is_large():
    """u = exp(-5 t), e = 0.002 exp(-2 t): relative to u within two parts of time before, 0.002 exp(3 t) exp(-1/2)."""
    trial = solved(Heat(), 1).trial
    growth = Estimate(trial, Given(), torch.rand(4000, 2, dtype=torch.float64)).growth()
    expected = 0.002 * torch.exp(3 * torch.as_tensor(growth.time)[2:] - 0.5).numpy()
    assert growth.errors["u"][2:] == pytest.approx(expected, rel=0.1)  # of the spread within a part
    assert growth.time == pytest.approx([(k + 0.5) / 20 for k in range(20)])
    # exp(3 t) = 5 exp(1/2) at t = 0.703; the parts are 1/20 long
    assert growth.trusted_until == pytest.approx(0.7)


class Kinked(Problem):
    """u_xx = 0 with u(0) = 0 and values |x| - 1/2 at points: a residual that no smooth correction explains."""

    def __init__(self):
        self.domain = pinn.Box(x=(-1, 1))
        self.fields = ("u",)

    def terms(self):
        x = torch.linspace(-0.99, 0.99, 41).numpy()
        return {
            "flat": Interior(self.flat),
            "ends": Dirichlet(u=0.5, on=("x.min", "x.max")),
            "data": Data(at={"x": x}, u=abs(x) - 0.5),
        }

    def flat(self, u_xx):
        return u_xx


def test_what_nothing_smooth_explains_is_a_lower_bound():
    found = staged(solved(Kinked(), 30).trial, None, BRIEF)
    estimate = found.measured
    assert found.corrections == 0
    assert not estimate.is_resolved
    (row,) = estimate.rows()
    assert row[1].startswith("> ")
    assert "lower bound" in row[2]


def test_an_estimate_leaves_no_trace():
    """Neither in the trial function nor in torch's random numbers; the same seed gives the same estimate."""
    solution = solved(Heat(), 3)
    before = {name: values.clone() for name, values in solution.trial.parameters().items()}
    state = torch.get_rng_state()
    first, second = (staged(solution.trial, None, BRIEF, seed=4).measured for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], values) for name, values in solution.trial.parameters().items())


@pytest.mark.estimates
@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_an_estimate_that_fails_loses_nothing(tmp_path, monkeypatch, error, caplog):
    def fail(*arguments):
        raise error

    monkeypatch.setattr("pinn.solving.examination.staged", fail)
    training = pinn.Training(steps=2, time_limit=None, held_out=50)
    output = pinn.Output(figures=False, resolution=9)
    with caplog.at_level("INFO", logger="pinn"):
        pinn.solve(Poisson2D(), partial(MLP, width=8), training=training, folder=tmp_path, output=output)
    assert "the error is not known" in caplog.text
    assert ErrorEstimate.of(pinn.load(tmp_path / "solution.h5").attributes) is None


class Coupled(Problem):
    """u_xx = mean of u - 1: each row of J takes a pass over all points."""

    def __init__(self):
        self.domain = pinn.Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"balance": Interior(self.balance), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}

    def balance(self, u, u_xx):
        return u_xx - u.mean() + 1


def test_none_where_the_equation_depends_on_the_points():
    """The mean over other points is another equation, so that they say nothing of the error."""
    with pytest.raises(UserError, match="depends on all points at once"):
        staged(make_trial(Coupled(), partial(MLP, width=4)), None, BRIEF)


def test_the_error_of_a_field_that_vanishes_is_relative_to_what_its_network_can_be():
    """Not to itself: a velocity across a channel that is 1e-18 instead of nothing is right."""
    window = SimpleNamespace(own_scale=lambda: (torch.zeros(2), torch.tensor([1.0, 2.0], dtype=torch.float64)))
    problem = SimpleNamespace(vocabulary=SimpleNamespace(fields=("u", "v")), defined_up_to_constant=())
    ones = torch.ones(50, dtype=torch.float64)
    found = {"u": ones, "v": 1e-18 * ones}, {"u": 1e-3 * ones, "v": 1e-18 * ones}
    stub = SimpleNamespace(windows=(window,), problem=problem, untrained=0.0)
    errors = Estimate(stub, SimpleNamespace(at=lambda x: found), ones[:, None]).errors
    assert errors["u"] == pytest.approx(1e-3, rel=2e-3)
    assert errors["v"] == pytest.approx(1e-18 / (2.0 * NOTHING))


def test_the_error_of_a_field_that_vanishes_beside_others_is_relative_to_what_these_make_of_it():
    """Of rounding; not of a field that is small for itself, as one of a billionth that is known to a tenth."""
    window = SimpleNamespace(own_scale=lambda: (torch.zeros(3), torch.ones(3, dtype=torch.float64)))
    problem = SimpleNamespace(vocabulary=SimpleNamespace(fields=("u", "v", "w")), defined_up_to_constant=())
    ones = torch.ones(50, dtype=torch.float64)
    found = {"u": ones, "v": 1e-15 * ones, "w": 1e-8 * ones}, {"u": 0 * ones, "v": 1e-15 * ones, "w": 1e-9 * ones}
    stub = SimpleNamespace(windows=(window,), problem=problem, untrained=0.0)
    asked = {"v": 4.0, "w": 4.0}
    errors = Estimate(stub, SimpleNamespace(at=lambda x: found), ones[:, None], asked).errors
    assert errors["v"] == pytest.approx(1e-15 / 4.0)
    assert errors["w"] == pytest.approx(1e-9 / 1.1e-8)


def of_ones(correction, untrained=0.0) -> Estimate:
    """The estimate of a field that is one at 50 places."""
    window = SimpleNamespace(own_scale=lambda: (torch.zeros(1), torch.ones(1, dtype=torch.float64)))
    problem = SimpleNamespace(vocabulary=SimpleNamespace(fields=("u",)), defined_up_to_constant=())
    trial = SimpleNamespace(windows=(window,), problem=problem, untrained=untrained)
    return Estimate(trial, correction, torch.zeros(50, 1))


def adding(change: float, left: float, runner_up=None):
    """A correction that adds a number to ones."""
    ones = torch.ones(50, dtype=torch.float64)
    at = lambda x: ({"u": (1.0 - change) * ones}, {"u": change * ones})  # noqa: E731
    return SimpleNamespace(at=at, change=lambda x: at(x)[1], left=left, runner_up=runner_up)


@pytest.mark.parametrize(("left", "share"), [(0.01, 0.5), (0.02, 1.0), (0.04, 1.0)])
def test_a_correction_is_doubted_by_the_next_best(left, share):
    """By their difference, in proportion to what either leaves of the residual."""
    doubted = of_ones(adding(0.3, left, runner_up=adding(0.1, 0.02)))
    assert doubted.doubts["u"] == pytest.approx(share * 0.2)
    assert of_ones(adding(0.3, left)).doubts == {}


def test_what_is_not_trained_counts_as_wrong():
    """Of the last quarter of time nothing is known: half of the root mean square."""
    assert of_ones(adding(0.1, 0.0), untrained=0.25).errors["u"] == pytest.approx(0.5)
    assert of_ones(adding(0.1, 0.0), untrained=0.0).errors["u"] == pytest.approx(0.1)


class Level(torch.nn.Module):
    """1.1 everywhere."""

    def __init__(self):
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(1.1))

    def forward(self, x):
        return 0.0 * x[:, :1] + self.level


class Warm(Problem):
    """A rod that is at 1, told twice as much, at the start or at an end."""

    def __init__(self, side="t.min"):
        self.domain, self.fields, self.side = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1)), ("u",), side

    def terms(self):
        start = pinn.Boundary(lambda u, x: 2.0 * u - 2.0 + 0.0 * x, on=self.side)
        return {"heat": Interior(lambda u_t, u_xx: u_t - u_xx), "start": start}


@pytest.mark.parametrize(("side", "share"), [("t.min", 0.25), ("x.max", 0.1)])
def test_what_values_miss_at_the_start_or_on_a_wall_is_an_error_in_proportion(side, share):
    trial = make_trial(Warm(side), lambda inputs, outputs: Level(), constraints="soft", derivatives="reverse")
    assert missed_values(trial, torch.Generator()) == {"u": pytest.approx(share * 0.1 / 1.1)}
    found = staged(trial, None, BRIEF, second_stage=False)
    assert found.measured.errors["u"] >= share * 0.09
