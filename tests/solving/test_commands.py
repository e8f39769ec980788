"""What a run says is to be typed for a method is that method."""

from functools import partial
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from hydra import compose, initialize_config_module

from pinn import Box, Dirichlet, Interior, Problem
from pinn.cli.composition import arguments, register
from pinn.diagnosis.verdict import FEATURES, GENERAL, LONGER, Verdict, Word
from pinn.networks.mlp import MLP
from pinn.networks.random_features import RandomFeatures
from pinn.optimizers.gauss_newton import LeastDamping, LevenbergMarquardt
from pinn.problems.heat import Heat
from pinn.problems.kovasznay import Kovasznay
from pinn.problems.poisson_2d import Poisson2D
from pinn.solution_file.measured import ErrorEstimate
from pinn.solving.commands import command, wider
from pinn.solving.examination import Examination
from pinn.solving.methods import Method, methods
from pinn.solving.run import _examined
from pinn.training.plan import Plan


class Tried:
    seconds, core, is_unsmooth = 1.0, None, False

    def __init__(self, method):
        self.method, self.estimate = method, ErrorEstimate({"u": 1e-2}, left=0.01)


def tried(problem):
    """All methods of a problem, where each comes to one per cent."""
    found = []
    for method in methods(Plan(problem), found):
        found.append(Tried(method))
    return [one.method for one in found]


def typed(words, problem):
    register([], None)
    with initialize_config_module("pinn.conf", version_base="1.3"):
        config = compose("config", overrides=[f"problem={problem}", *words.split()])
    return Plan.of(arguments(config))


@pytest.mark.parametrize("problem", [Heat, Poisson2D, Kovasznay])
def test_what_is_typed_is_the_method(problem):
    for method in tried(problem()):
        plan, own = typed(command(method.plan), problem().name), method.plan
        assert Method(plan).name == method.name
        assert plan.optimizer.configuration == own.optimizer.configuration
        assert plan.sampler.configuration == own.sampler.configuration
        assert (plan.initial_guess, plan.constraints) == (own.initial_guess, own.constraints)
        assert command(plan) == command(own)


def test_a_network_of_another_width_is_told():
    plan = Plan(Heat(), network=partial(MLP, width=31), optimizer=LeastDamping())
    assert command(plan) == "optimizer=least_damping network.width=31 constraints=hard"
    assert Method(typed(command(plan), "heat")).name == Method(plan).name == "LeastDamping, width 31"


def test_what_more_is_depends_on_the_method():
    spectral, features, *_, network = tried(Heat())
    said = "optimizer=linear network=spectral{} constraints=hard training.windows=auto"
    assert command(spectral.plan) == said.format(" network.width=1200")
    assert wider(spectral.plan) == said.format("") + " network.width=2400 sampler.interior=6000"
    more = typed(wider(features.plan), "heat")
    assert more.network.keywords["width"] == 2 * RandomFeatures(2, 1).width
    assert more.sampler.interior == 2 * features.plan.sampler.interior
    assert wider(more) == wider(features.plan).replace("2400", "4800").replace("6000", "12000")
    assert command(network.plan) == "optimizer=least_damping constraints=hard"
    assert wider(network.plan) == ""


class Pair(Problem):
    """Two fields, whose features are half as many each."""

    def __init__(self):
        self.domain, self.fields = Box(x=(0, 1), y=(0, 1)), ("u", "v")

    def terms(self):
        equation = Interior(lambda laplacian_u, laplacian_v, u, v: laplacian_u + laplacian_v - u * v)
        return {"equation": equation, "sides": Dirichlet(u=1.0, v=0.0, on=self.domain.walls)}


def test_of_two_fields_each_has_half_of_the_functions():
    features, *_ = tried(Pair())
    assert "network.width=1200" in wider(features.plan)


def test_of_what_no_key_says_nothing_is_said():
    assert command(Plan(Heat(), partial(MLP, width=4), LevenbergMarquardt())) == ""


@pytest.mark.parametrize("method", [1, -1])
@pytest.mark.parametrize(
    ("word", "advice"), [(Word.NOT_SOLVED, LONGER), (Word.PLAUSIBLE, FEATURES), (Word.NOT_SOLVED, "more data")]
)
def test_advice_fits_the_method_that_was_kept(monkeypatch, method, word, advice):
    """Where it is a general one, of functions that are fitted; a network stays as it is."""
    kept = tried(Heat())[method]
    found = SimpleNamespace(method=kept, outcome=None, trial=None, run=MagicMock(), history=None, stages=None)
    found.run.interruption.requested = False
    examined = Examination(None, Verdict(word, ("it is so",), advice))
    monkeypatch.setattr("pinn.solving.run.examine", lambda *given: examined)
    monkeypatch.setattr("pinn.solving.run.quick_trial", lambda *given: "")
    more = wider(kept.plan) if advice in GENERAL else ""
    assert _examined(Plan(Heat()), found, None, 0.0).verdict.action == (more or advice)
    assert bool(more) == (method == 1 and advice != "more data")
