"""Which methods are tried, and which one is kept."""

import math
from dataclasses import dataclass
from functools import partial
from types import NoneType, SimpleNamespace

import pytest

import pinn
from pinn import Box, Dirichlet, Initial, Interior, Neumann, Problem, Time
from pinn.networks import SIREN
from pinn.networks.mlp import MLP, WIDTH
from pinn.optimizers.automatic import Automatic
from pinn.optimizers.gauss_newton import LeastDamping, LevenbergMarquardt
from pinn.optimizers.linear import LinearLeastSquares
from pinn.problems.heat import Heat
from pinn.problems.poisson_2d import Poisson2D
from pinn.problems.poisson_5d import Poisson5D
from pinn.solution_file.measured import ErrorEstimate
from pinn.solving.by_network import _left_after, better_constraints, trained
from pinn.solving.choosing import quick_trial
from pinn.solving.methods import Method, method_named, methods, untried
from pinn.solving.ranking import doubted_error, the_best
from pinn.training.gradient_weights import GradientWeights
from pinn.training.plan import Plan
from pinn.training.settings import Training
from pinn.training.weighting import FixedWeights


@dataclass
class Tried:
    method: Method
    estimate: ErrorEstimate | None
    seconds: float = 1e3
    core: object = None
    is_unsmooth: bool = False


def names(plan, *errors, seconds=1e3):
    """The methods that are tried where they come to these errors in so many seconds, None for no estimate."""
    tried, told = [], []
    for method, error in zip(methods(plan, tried), [*errors, *[None] * 9], strict=False):
        told.append(method.name)
        tried.append(Tried(method, None if error is None else ErrorEstimate({"u": error}, left=0.01), seconds))
    return told


class Decay(Problem):
    """y' = -y."""

    def __init__(self):
        self.domain, self.fields = Time(t=(0, 1)), ("y",)

    def terms(self):
        return {"decay": Interior(lambda y, y_t: y_t + y), "start": Initial(y=1.0)}


class Plate(Problem):
    """Heat in a plate."""

    def __init__(self, space=Box(x=(0, 1), y=(0, 1))):  # noqa: B008
        self.domain, self.fields = space * Time(t=(0, 1)), ("u",)

    def terms(self):
        return {
            "heat": Interior(lambda u_t, laplacian_u: u_t - laplacian_u),
            "edges": Dirichlet(u=0.0, on=self.domain.walls),
            "start": Initial(u=lambda x, y: x * y),
        }


class Wheel(Heat):
    """A heat equation whose domain is told as no box: what was there before spectral functions."""

    def __init__(self):
        super().__init__()
        self.domain.is_box = False


FEATURES, WINDOWS = "random features", "random features in windows of time"
SPECTRAL = "spectral functions in windows of time"


def test_spectral_functions_come_first_in_time_and_one_coordinate():
    assert names(Plan(Heat()), 1e-9) == [SPECTRAL]
    assert names(Plan(Heat()), 1e-2, 1e-9) == [SPECTRAL, FEATURES]
    whole = names(Plan(Heat()), None, 1e-2, 1e-2, 1e-9)  # windows fit nothing that begins without being smooth
    assert whole == [SPECTRAL, "spectral functions, soft conditions", FEATURES, f"{FEATURES}, soft conditions"]
    for problem, chosen in (
        (Decay(), {}),
        (Poisson2D(), {}),
        (Plate(), {}),
        (Heat(), {"training": Training(windows=2)}),
    ):
        assert SPECTRAL not in names(Plan(problem, **chosen), 1e-9)


class Rod(Problem):
    """A steady rod, or one that warms up, closed at one end."""

    def __init__(self, steady):
        self.domain, self.fields = Box(x=(0, 1)) * Time(t=(0, 1)) if not steady else Box(x=(0, 1)), ("u",)
        self.steady = steady

    def terms(self):
        if self.steady:
            return {"heat": Interior(lambda u_xx: u_xx - 1), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}
        heat = Interior(lambda u_t, u_xx: u_t - u_xx)
        return {"heat": heat, "closed": Neumann(u=0.0, on="x.max"), "start": Initial(u=1.0)}


def test_spectral_functions_come_first_on_a_line():
    """Where a slope would be built in by cosines, which have no third derivative, it is a term of the loss."""
    assert names(Plan(Rod(steady=True)), 1e-9) == ["spectral functions"]
    assert names(Plan(Rod(steady=True)), 1e-2, 1e-9) == ["spectral functions", FEATURES]
    soft = f"{SPECTRAL}, soft slopes"
    assert names(Plan(Rod(steady=False)), 1e-2, 1e-2, 1e-9) == [soft, FEATURES, f"{FEATURES}, soft conditions"]
    assert method_named(Plan(Rod(steady=False)), soft).name == soft


def test_what_begins_without_being_smooth_has_functions_of_all_time_first():
    """And windows again after these, before more functions unless these are close."""
    hasty, whole, more = SPECTRAL, "spectral functions, soft conditions", "of them, soft conditions"

    def tried(error):
        told, found = [], []
        for method in methods(Plan(Heat()), found):
            told.append(method.name)
            first = len(found) == 0
            assert method.plan.hasty == first
            estimate = None if first else ErrorEstimate({"u": error}, left=0.01)
            found.append(Tried(method, estimate, 1.0, is_unsmooth=first))
        return told

    assert tried(1e-7) == [hasty, whole]
    few, many = tried(1e-3)[:4], tried(0.1)[:4]
    assert few[:2] == many[:2] == [hasty, whole]
    assert more in few[2] and few[3] == hasty
    assert many[2] == hasty and more in many[3]


def test_data_along_one_coordinate_are_fitted_before_a_network_is():
    class Observed(Decay):
        def terms(self):
            return super().terms() | {"seen": pinn.Data({"t": [0.2, 0.8]}, y=[0.8, 0.4], noise=0.1)}

    spectral = "spectral functions"
    assert names(Plan(Observed()), 0.3, 0.2, None) == [spectral, f"{spectral}, 1024 of them", "LeastDamping"]
    tried = []
    for method in methods(Plan(Observed()), tried):
        tried.append(Tried(method, ErrorEstimate({"y": 0.02}, 0.0, way=ErrorEstimate.NOISE)))
    assert [one.method.name for one in tried] == [spectral]  # nothing is left but the noise


def test_the_cheapest_that_solves_a_problem_is_the_last_that_is_tried():
    assert names(Plan(Wheel()), 1e-9) == [FEATURES]
    assert names(Plan(Wheel()), 1e-2, 1e-9) == [FEATURES, WINDOWS]
    assert names(Plan(Wheel()), 1e-2, 1e-1, 1e-9) == [FEATURES, WINDOWS, f"{FEATURES}, soft conditions"]
    assert names(Plan(Decay()), 1e-2, 1e-9) == [FEATURES, WINDOWS]
    in_a_box = ["spectral functions, soft conditions", FEATURES, f"{FEATURES}, soft conditions"]
    assert names(Plan(Poisson2D()), 1e-2, 1e-2, 1e-9) == in_a_box


def test_more_spectral_functions_are_tried_where_they_come_close_and_the_time_allows_it():
    plan = Plan(Poisson2D(), training=Training(time_limit=60))
    first, more = names(plan, 1e-3, 1e-9, seconds=2.0)
    assert first == "spectral functions, soft conditions"
    assert more == f"spectral functions, {int(1200 * (0.5 * (60 - 2) / 2) ** (1 / 3))} of them, soft conditions"
    assert method_named(plan, more).name == more
    assert names(plan, 1e-3, 1e-9, seconds=20.0)[1] == FEATURES  # 1.4 times as many would take 55 s
    assert names(plan, None, 1e-9, seconds=2.0)[1] == FEATURES
    once = names(plan, 1e-3, 1e-3, 1e-3, 1e-3, seconds=2.0)
    assert sum("of them" in name for name in once) == 1


def test_more_features_and_soft_conditions_come_before_windows_in_three_coordinates():
    twice, round_one = f"{FEATURES}, twice as many", Plan(Plate(pinn.Disc((0, 0), radius=1.0)))
    in_a_box = ["spectral functions", "spectral functions, 4800 of them"]
    expected = [FEATURES, twice, f"{twice}, soft conditions", f"{twice} in windows of time, soft conditions"]
    for plan, others, errors, windows in (
        (Plan(Plate(), training=Training(time_limit=None)), in_a_box, (1e-2, 8e-3), SPECTRAL),
        (round_one, [], (), expected[-1]),
    ):
        tried = names(plan, 5e-3, *errors, 1e-3, 1e-4, None)
        assert tried[: 4 + len(others)] == [FEATURES, *others, *expected[1:3], windows]
        assert all(method_named(plan, name).name == name for name in tried)


def test_windows_come_first_where_nothing_fits_the_whole_time():
    assert names(Plan(Plate()), 0.5, None)[1:3] == ["spectral functions", SPECTRAL]
    assert names(Plan(Plate(pinn.Disc((0, 0), radius=1.0))), 0.5, None)[1] == WINDOWS


def test_a_least_damping_comes_last_with_the_conditions_that_were_better():
    tried = names(Plan(Wheel()), 1e-2, 1e-1, None)
    assert tried == [FEATURES, WINDOWS, f"{FEATURES}, soft conditions", "LeastDamping"]
    tried = names(Plan(Wheel()), 1e-2, 1e-3, 1e-4)
    assert tried[2:] == [f"{WINDOWS}, soft conditions", "LeastDamping, soft conditions"]
    assert names(Plan(Wheel()), 2.0, None, 0.5)[-1] == "LeastDamping"  # nothing to be concluded
    assert names(Plan(Wheel(), constraints="soft"), 1e-2)[-1] == "LeastDamping, soft conditions"


@pytest.mark.parametrize(("seconds", "width"), [(1.0, 20), (16.0, 40), (1e5, 48), (1 / 30, 10), (1e-9, 10), (1.5, 20)])
def test_the_width_of_a_network_follows_from_the_time_and_a_step(seconds, width, monkeypatch):
    """As many neurons as 150 steps leave time for, as the fourth root of it; as by default where that is near."""
    monkeypatch.setattr("pinn.solving.by_network._seconds_of_a_step", lambda plan: 1.0 / (150 * 1.3))
    plan = trained(Plan(Wheel()), seconds)
    chosen = getattr(plan.network, "keywords", {}).get("width", WIDTH)
    assert chosen == pytest.approx(width, abs=1)
    again = method_named(Plan(Wheel()), Method(plan).name).plan.network
    assert getattr(again, "keywords", {}).get("width", WIDTH) == chosen


@pytest.mark.parametrize("seconds", [100.0])
def test_a_network_that_was_chosen_keeps_its_width(seconds, monkeypatch):
    monkeypatch.setattr("pinn.solving.by_network._seconds_of_a_step", lambda plan: 1e-6)
    for chosen in ({"network": SIREN}, {"training": Training(steps=9)}, {"initial_guess": "runs/before"}):
        plan = Plan(Wheel(), **chosen)
        assert trained(plan, seconds).network is plan.network
    assert trained(Plan(Wheel()), math.inf).network is MLP  # without a limit


@pytest.mark.parametrize("seconds", [40.0])
@pytest.mark.parametrize("left", [{"hard": 0.3, "soft": 0.1}, {"hard": 0.1, "soft": 0.3}])
def test_some_steps_tell_which_conditions_suit_a_network(left, seconds, monkeypatch, caplog):
    def left_after(plan, each):
        assert each == pytest.approx(0.12 * seconds)
        assert isinstance(plan.weighting, GradientWeights) == (plan.constraints == "soft")
        return left[plan.constraints]

    monkeypatch.setattr("pinn.solving.by_network._left_after", left_after)
    with caplog.at_level("INFO", logger="pinn"):
        better = better_constraints(Plan(Wheel()), seconds)
    assert left[better] == 0.1
    assert f"hard {left['hard']:.1e}, soft {left['soft']:.1e}" in caplog.text


@pytest.mark.parametrize("seconds", [0.2])
def test_a_trial_of_a_network_that_fails_is_left_to_the_training(seconds):
    class Broken(Decay):
        def terms(self):
            return super().terms() | {"decay": Interior(lambda y, y_t: y_t + (y - 9.0).log())}  # not finite

    assert _left_after(trained(Plan(Broken())), seconds) == math.inf


@pytest.mark.parametrize("seconds", [0.2])
def test_a_trial_of_a_network_leaves_a_defect(seconds):
    assert 0.0 < _left_after(trained(Plan(Heat())), seconds) < 10.0
    free = Plan(Decay(), constraints="soft")
    assert better_constraints(free, seconds) == "soft"  # which was chosen


def test_a_network_with_soft_conditions_balances_them_where_no_weights_were_chosen():
    def weighting(plan):
        tried = []
        for method in methods(plan, tried):
            tried.append(Tried(method, ErrorEstimate({"u": 1e-2}, left=0.01)))
        return type(tried[-1].method.plan.weighting)

    assert weighting(Plan(Wheel(), constraints="soft")) is GradientWeights
    assert weighting(Plan(Wheel(), constraints="hard")) is NoneType
    assert weighting(Plan(Wheel(), constraints="soft", weights={"rim": 10.0})) is NoneType
    assert weighting(Plan(Wheel(), constraints="soft", weighting=FixedWeights())) is FixedWeights


@pytest.mark.parametrize(
    "chosen",
    [
        {"network": partial(MLP, width=64)},
        {"network": SIREN},
        {"training": Training(steps=5)},
        {"dtype": "float32"},
        {"initial_guess": "linear"},
        {"problem": Poisson5D()},
    ],
)
def test_what_the_user_chose_is_not_set_aside(chosen):
    assert [name.partition(",")[0] for name in names(Plan(**{"problem": Heat(), **chosen}))] == ["LeastDamping"]


def test_an_optimizer_of_the_users_is_the_only_method():
    assert names(Plan(Heat(), optimizer=LevenbergMarquardt())) == ["LevenbergMarquardt"]
    assert isinstance(Plan(Heat()).optimizer, Automatic)


def test_defaults_spelt_out_are_no_choice():
    """As the configuration passes them."""
    spelt = partial(MLP, width=20, depth=3, activation="tanh", factorization=None)
    assert names(Plan(Heat(), network=spelt), 1e-9) == [SPECTRAL]


def test_a_method_is_found_again_by_its_name():
    plan = Plan(Heat())
    for name in (
        SPECTRAL,
        "spectral functions, soft conditions",
        FEATURES,
        WINDOWS,
        f"{WINDOWS}, soft conditions",
        "LeastDamping",
        "LeastDamping, soft conditions",
    ):
        assert method_named(plan, name).name == name
    assert method_named(plan, "magic") is None


def test_a_lower_bound_is_doubted():
    assert doubted_error(ErrorEstimate({"u": 1e-3, "v": 2e-3}, left=0.1)) == 2e-3
    assert doubted_error(ErrorEstimate({"u": 1e-3}, left=0.9)) > 1e-2
    assert doubted_error(ErrorEstimate({"u": 1e-3}, left=0.9, defect=1e-2)) == 1e-2  # it is hardly more
    assert doubted_error(ErrorEstimate({"u": 1e-3}, left=0.9, defect=1e-4)) == 1e-3
    assert doubted_error(ErrorEstimate({"u": 1e-3}, left=0.1, defect=1e-4)) == 1e-3
    assert doubted_error(None) == float("inf")


def test_where_nothing_is_solved_the_least_error_counts_as_it_stands():
    def tried(error, left):
        return Tried(None, ErrorEstimate({"u": error}, left=left))

    wrong, unresolved, small = tried(1.0, 0.1), tried(0.1, 0.9), tried(1e-3, 0.1)
    assert the_best([wrong, unresolved]) is unresolved
    assert the_best([wrong, unresolved, small]) is small
    assert the_best([small, tried(1e-4, 0.9)]) is small  # which may be far more


def test_what_was_left_out_may_be_tried_afterwards():
    assert untried(Plan(Heat(), optimizer=LeastDamping())).name == FEATURES
    assert untried(Plan(Heat(), network=SIREN)).name == FEATURES
    assert untried(Plan(Heat())) is None
    assert untried(Plan(Heat(), optimizer=LinearLeastSquares())) is None
    assert untried(Plan(Poisson5D(), optimizer=LeastDamping())) is None


@pytest.mark.estimates
def test_a_run_that_chose_nothing_keeps_the_best_and_says_so(tmp_path, caplog, monkeypatch):
    for name in ("LEAST_SECONDS", "SHARE"):  # estimates by few features
        monkeypatch.setattr(f"pinn.solving.examination.{name}", 0.0)
    monkeypatch.setattr("pinn.solving.examination.bound_errors", lambda trial: None)
    output = pinn.Output(figures=False, resolution=9)
    with caplog.at_level("INFO", logger="pinn"):
        solution = pinn.solve(
            Poisson2D(), training=Training(time_limit=60.0, held_out=200), folder=tmp_path, output=output
        )
    assert "method: spectral functions, soft conditions: estimated error of u" in caplog.text
    assert solution.errors()["u"]["relative_l2"] < 1e-12  # smooth
    loaded = pinn.load(tmp_path)
    assert loaded.configuration["optimizer"] == {"_target_": "pinn.optimizers.LinearLeastSquares", "cutoff": 1e-14}
    assert loaded.errors() == solution.errors()
    assert (tmp_path / "method.txt").read_text() == "spectral functions, soft conditions\n"


@pytest.mark.estimates
def test_nothing_else_is_tried_where_there_is_no_solution(caplog):
    class Insulated(Problem):
        """A source in a plate that nothing leaves."""

        domain, fields = Box(x=(0, 1), y=(0, 1)), ("u",)

        def terms(self):
            return {
                "heat": Interior(lambda laplacian_u: laplacian_u + 1.0),
                "sides": Neumann(u=0.0, on=self.domain.sides),
            }

    with caplog.at_level("INFO", logger="pinn"):
        training = Training(time_limit=4.0, held_out=200)
        pinn.solve(Insulated(), training=training, output=pinn.Output(figures=False, resolution=9))
    assert sum(told.startswith("method: ") for told in caplog.messages) == 2  # one, and that it is all
    assert "method: no other is tried: the problem has no solution" in caplog.messages


def test_a_quick_trial_tells_what_helps():
    found = Tried(Method(Plan(Poisson2D(), optimizer=LeastDamping())), ErrorEstimate({"u": 0.1}, left=0.01))

    def train(error, method, clock):
        one = SimpleNamespace(
            method=method, trial=None, stages=SimpleNamespace(measured=ErrorEstimate({"u": error}, 0.01))
        )
        one.estimate = one.stages.measured
        return one

    plan, output = found.method.plan, pinn.Output(estimate=False)
    told = quick_trial(plan, found, output, 1.0, partial(train, 1e-4))
    assert told.startswith("optimizer=auto: random features came to an estimated error of 0.0001 in")
    assert quick_trial(plan, found, output, 1.0, partial(train, 0.05)) == ""
    assert quick_trial(plan, found, output, 1.0, lambda method, clock: 1 / 0) == ""
