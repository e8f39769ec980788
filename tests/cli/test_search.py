"""`pinn -m hydra/sweeper=optuna`: what is proposed, pruned, resumed and told."""

import json
import sys
from types import SimpleNamespace

import pytest
import xarray
from hydra.core.override_parser.overrides_parser import OverridesParser

optuna = pytest.importorskip("optuna")
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

import pinn  # noqa: E402
from pinn.basis.errors import UserError  # noqa: E402
from pinn.cli import main  # noqa: E402
from pinn.cli.sweeping.search import distribution  # noqa: E402
from pinn.sweeps.pruning import WATCHED, Pruning, measured  # noqa: E402
from pinn.sweeps.search import reached  # noqa: E402

QUICK = (
    *("training.steps=3", "training.held_out=20", "sampler.interior=40", "sampler.boundary=10"),
    *("network.width=4", "network.depth=1", "output.resolution=9", "output.figures=false", "output.estimate=false"),
)
SEARCH = ("-m", *QUICK, "hydra/sweeper=optuna", "hydra.sweep.dir=search")
DAMPING = "optimizer.damping=tag(log,interval(1e-4,1))"
DAMPED = ("optimizer=least_damping", DAMPING)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def trials(state=None):
    study = optuna.load_study(study_name="pinn", storage="sqlite:///search/search.db")
    return study.get_trials(states=None if state is None else [state])


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a=x,y", CategoricalDistribution(["x", "y"])),
        ("a=16,32", CategoricalDistribution(["16", "32"])),
        ("a=range(2,9,3)", IntDistribution(2, 8, step=3)),
        ("a=interval(0.5,1)", FloatDistribution(0.5, 1.0)),
        ("a=int(interval(1,8))", IntDistribution(1, 8)),
        ("a=tag(log,interval(1e-6,1))", FloatDistribution(1e-6, 1.0, log=True)),
        ("a=tag(log,int(interval(1,64)))", IntDistribution(1, 64, log=True)),
    ],
)
def test_ways_to_write_values_are_distributions(word, expected):
    (override,) = OverridesParser.create().parse_overrides([word])
    assert distribution(override) == expected


def test_a_range_without_values_is_a_mistake():
    (override,) = OverridesParser.create().parse_overrides(["a=tag(log,interval(0.0,1.0))"])
    with pytest.raises(UserError, match=r"cannot search a=tag\(log"):
        distribution(override)


@pytest.mark.slow
def test_a_search_goes_on_with_new_points(here, capsys):
    words = [*SEARCH, DAMPING, "optimizer=levenberg_marquardt,least_damping"]
    assert main([*words, "hydra.sweeper.trials=2"]) == 0
    first = [trial.params for trial in trials()]
    capsys.readouterr()
    assert main(["resume", "search", "hydra.sweeper.trials=5"]) == 0
    params = [trial.params for trial in trials(TrialState.COMPLETE)]
    assert params[:2] == first
    assert len({entry["optimizer.damping"] for entry in params}) == 5  # the sampler did not start again
    out = capsys.readouterr().out
    assert "#0" not in out
    assert "5 jobs: 5 done; the best trials" in out
    assert "search/importance.png" in out
    with xarray.open_dataset("search/summary.h5") as found:
        assert found.error.dims == ("job",)
        values = [trial.value for trial in trials()]
        assert found.error.values.tolist() == values
        assert found["optimizer.damping"].values.tolist() == [entry["optimizer.damping"] for entry in params]
        best = min(range(5), key=values.__getitem__)
    row = next(line for line in out.partition("the best trials")[2].splitlines() if "e-0" in line)
    assert row.split()[0] == str(best)


STOPPING = '''
import multiprocessing, os, pathlib, signal, time
from pinn import Box, Dirichlet, Interior, Problem


class Rod(Problem):
    """Heat conduction in a rod."""

    def __init__(self, source: float = 1.0):
        self.source = source
        self.domain = Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"rod": Interior(self.rod), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}

    def rod(self, u_xx):
        metrics, acted = pathlib.Path("search/1/metrics.jsonl"), pathlib.Path("acted")
        if metrics.exists() and len(metrics.read_text().splitlines()) >= 5 and not acted.exists():
            acted.touch()
            os.kill(multiprocessing.parent_process().pid, signal.SIGINT)
            time.sleep(3)  # for the answer, on a busy machine, too
        return u_xx + self.source
'''


@pytest.mark.slow
def test_an_interrupted_trial_is_finished_by_its_number(here, capsys):
    (here / "rod_searched.py").write_text(STOPPING)
    words = [*SEARCH, *DAMPED, "problem=rod_searched.py", "training.steps=30", "derivatives=taylor"]
    held_out = ["hydra.sweeper.objectives=[held_out]", "hydra.sweeper.trials=2", "hydra.sweeper.pruner=null"]
    assert main([*words, *held_out]) == 130
    (left,) = trials(TrialState.RUNNING)
    assert left.number == 1
    before = (here / "search/1/metrics.jsonl").read_text().splitlines()
    assert main(["resume", "search"]) == 0
    assert [trial.state for trial in trials()] == [TrialState.COMPLETE] * 2
    assert trials()[1].params == left.params
    lines = (here / "search/1/metrics.jsonl").read_text().splitlines()
    assert lines[: len(before)] == before
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 31))


@pytest.mark.slow
def test_several_objectives(here, capsys):
    words = [*SEARCH, "training.steps=range(2,20)", "hydra.sweeper.trials=3"]
    assert main([*words, "hydra.sweeper.objectives=[error,seconds]"]) == 0
    assert [len(trial.values) for trial in trials()] == [2] * 3
    assert "the front of error and seconds\n" in capsys.readouterr().out
    assert pinn.load("search/0").attributes["status"] == "steps"


@pytest.mark.slow  # joblib's workers each import torch
def test_trials_in_parallel(here):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    parallel = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweeper.at_once=2"]
    assert main([*SEARCH, *DAMPED, *parallel, "hydra.sweeper.trials=4"]) == 0
    assert {trial.state for trial in trials()} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert len({trial.params["optimizer.damping"] for trial in trials()}) == 4


def test_mistakes(here, capsys):
    for words, message in [
        ([], "a search needs keys with several values"),
        ([*DAMPED, "hydra.sweeper.trials=0"], "hydra.sweeper.trials must be >= 1, got 0"),
        ([*DAMPED, "hydra.sweeper.objectives=[eror]"], "objectives must be some of error, estimated_error, held_out"),
        ([*DAMPED, "hydra.sweeper.trails=3"], "did you mean 'hydra.sweeper.trials'"),
    ]:
        assert main([*SEARCH, *words]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_a_search_without_m_is_a_mistake(here, capsys):
    assert main([*SEARCH[1:], DAMPED[0], DAMPING.partition("=")[0] + "=0.1"]) == 2
    assert capsys.readouterr().err == "error: hydra/sweeper=optuna is for several runs; add -m to search\n"


def test_a_trial_behind_others_is_pruned(tmp_path):
    storage = f"sqlite:///{tmp_path}/search.db"
    pruner = optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=5)
    study = optuna.create_study(study_name="pinn", storage=storage, pruner=pruner)
    study.set_user_attr(WATCHED, "error")
    good = study.ask()
    for step in (1, 10):
        good.report(1e-3, step)
    study.tell(good, 1e-3)
    callback = Pruning(storage, "pinn", study.ask().number, pruner)
    interruption = SimpleNamespace(requested=False)
    callback.on_start(SimpleNamespace(interruption=interruption))
    callback.on_step({"step": 1, "error/u": 1e-2, "error/v": 2e-2})  # before the warm-up's end
    assert not interruption.requested
    callback.on_step({"step": 9, "loss": 1.0})  # nothing measured
    callback.on_step({"step": 10, "error/u": 1e-4, "error/v": 2e-3})
    assert interruption.requested
    assert callback.pruned
    assert study.trials[1].intermediate_values == {1: 2e-2, 10: 2e-3}


def test_an_estimate_stands_for_an_error_that_is_not_known():
    row = {"error": None, "estimated_error": 0.1, "held_out": 2.0}
    assert (reached(row, "error"), reached(row | {"error": 0.2}, "error")) == (0.1, 0.2)
    assert (reached(row | {"error": 0.2}, "estimated_error"), reached(row, "held_out")) == (0.1, 2.0)
    assert reached(row | {"estimated_error": None}, "error") is None


ASKING = """
import pinn


class Rod(pinn.Problem):
    def __init__(self, source: float = 1.0):
        self.source = source
        self.domain, self.fields = pinn.Box(x=(0, 1)), ("u",)

    def terms(self):
        return {"rod": pinn.Interior(lambda u_xx: u_xx + self.source), "ends": pinn.Dirichlet(u=0.0, on="x.min")}

    def results(self):
        return {"warmth": pinn.Average("u")}
"""


@pytest.mark.estimates  # with them results are measured
def test_what_a_problem_asks_can_be_searched_for(here, capsys):
    (here / "rod_asking.py").write_text(ASKING)
    words = [*SEARCH, "problem=rod_asking.py", "problem.source=1.0,2.0", "hydra.sweeper.trials=1"]
    assert main([*words, "hydra.sweeper.objectives=[-warmth]"]) == 0
    number = pinn.load("search/0", trust=True).results["warmth"].number
    assert [trial.values for trial in trials()] == [[-number]]
    assert "warmth" in capsys.readouterr().out
    assert "<button>warmth</button>" in (here / "search/report.html").read_text()
    assert "result_warmth" in (here / "search/summary.csv").read_text().splitlines()[0]
    assert main([*words, "hydra.sweeper.objectives=[warmht]", "hydra.sweep.dir=other"]) == 2
    told = "must be some of error, estimated_error, held_out, residual, seconds, steps, warmth, balance of rod, got"
    assert told in capsys.readouterr().err


def test_what_is_compared_while_a_run_goes_on():
    record = {"step": 1, "held_out": 0.5, "error/u": 0.1, "error/v": 0.2}
    assert measured(record, "error") == 0.2
    assert measured(record, "held_out") == 0.5
    assert measured({"step": 2}, "error") is None
    assert measured(record, None) is None
