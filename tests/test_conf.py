"""conf/ against the constructors it names: the same options, types and defaults; every option explained."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import ConfigCompositionException
from hydra.utils import get_class, get_object, instantiate
from omegaconf import OmegaConf

from pinn.basis.configurable import plain
from pinn.basis.errors import UserError
from pinn.cli.composition import TRACKER, register, run_name
from pinn.cli.help import choice_options, further_groups, groups
from pinn.cli.mistakes import explain
from pinn.cli.schema import checked_type
from pinn.cli.strict import KEY
from pinn.networks import Network
from pinn.problem import Problem
from pinn.sampling import Adaptation
from pinn.scaling.sizes import SCALINGS
from pinn.solving import DTYPES, solve
from pinn.solving.compilation import COMPILATION
from pinn.trial.function import ENGINES
from pinn.trial.making import CONSTRAINTS

CHOICES = [(group, choice) for group, choices in groups().items() for choice in choices]
ADAPTATIONS = sorted(f.name.removesuffix(".yaml") for f in files("pinn.conf").joinpath("sampler/adaptation").iterdir())
GIVEN_BY_SOLVE = {"inputs", "outputs"}
# Options that a choice is there to change; everywhere else conf/ repeats the constructor's defaults.
CHANGED = {
    ("training", "accurate"): {"steps", "time_limit"},
    ("sampler", "chebyshev"): {"interior"},
    ("optimizer", "torch"): {"method"},
    ("network", "sine"): {"activation"},
    ("network", "short_waves"): {"scale"},
    ("optimizer", "variable_projection"): {"method"},
    ("optimizer", "sketched"): {"method"},
}


def composed(*overrides: str, folder: str | None = None) -> Any:
    register([], folder)
    with initialize_config_module("pinn.conf", version_base="1.3"):
        return compose("config", overrides=list(overrides))


@cache
def chosen(group: str, choice: str) -> Any:
    """A group's node by one of its choices, composed once for all tests that look at it."""
    return composed(f"{group}={choice}")[group]


def options(node: Any) -> dict[str, Any]:
    """The constructor's arguments in a composed group."""
    plain = OmegaConf.to_container(node, resolve=True)
    assert isinstance(plain, dict)
    return {name: value for name, value in plain.items() if not name.startswith("_")}


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_options_and_defaults_are_the_constructors(group, choice):
    node = chosen(group, choice)
    signature = inspect.signature(get_object(node._target_)).parameters
    parameters = {n: p for n, p in signature.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    assert set(options(node)) == set(parameters) - GIVEN_BY_SOLVE
    assert set(choice_options(group, choice)) == set(options(node))
    for name in set(options(node)) - CHANGED.get((group, choice), set()):
        assert options(node)[name] == plain(parameters[name].default), name
    for name in CHANGED.get((group, choice), set()):
        assert options(node)[name] != parameters[name].default, name


def checked_types(node: Any) -> dict[str, Any]:
    """The type by which Hydra checks each option, of those that it can check."""
    schema = OmegaConf.get_type(node)
    assert schema is not None
    assert dataclasses.is_dataclass(schema)
    fields = {field.name: field.type for field in dataclasses.fields(schema)}
    return {name: kind for name, kind in fields.items() if not name.startswith("_") and kind is not Any}


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_options_have_the_constructors_types(group, choice):
    node = chosen(group, choice)
    target = get_class(node._target_)
    hints = get_type_hints(target if dataclasses.is_dataclass(target) else target.__init__)
    hints |= {"derivatives": list[str]} if group == "output" else {}  # a sequence
    plain_types = {name for name in options(node) if hints[name] in (bool, int, float, str)}
    types = checked_types(node)
    assert plain_types <= set(types)
    assert {name: hints[name] for name in types if name != "defaults"} == {
        name: kind for name, kind in types.items() if name != "defaults"
    }


def test_types_of_annotations():
    cases = {
        int | None: int | None,
        float | str: float | str,
        tuple[float, ...]: tuple[float, ...],
        Sequence[str]: list[str],
        Mapping[str, float]: dict[str, float],
        Mapping[str, float] | None: dict[str, float] | None,
        int | Sequence[int]: Any,
        Callable[..., Any] | None: Any,
        Path: Any,
    }
    assert {hint: checked_type(hint) for hint in cases} == cases


def test_options_of_a_file_of_ones_own_are_checked(tmp_path):
    group = tmp_path / "problem"
    group.mkdir()
    choice = group / "mine.yaml"
    choice.write_text("_target_: pinn.problems.Wave\nspeed: 3\n")
    assert composed("problem=mine", folder=str(tmp_path)).problem == {
        "_target_": "pinn.problems.Wave",
        "speed": 3.0,
        "amplitude": 0.5,
    }
    for line, message in [
        ("speed: fast", "problem.speed must be a number, got 'fast'"),
        ("sped: 3", "no argument 'sped'"),
    ]:
        choice.write_text(f"_target_: pinn.problems.Wave\n{line}\n")
        with pytest.raises((UserError, ConfigCompositionException)) as caught:
            composed("problem=mine", folder=str(tmp_path))
        assert message in explain(caught.value)[0]


@pytest.mark.parametrize("choice", ["joblib", "submitit_local", "submitit_slurm"])
def test_options_of_a_launcher_are_its_packages(choice):
    pytest.importorskip(f"hydra_plugins.hydra_{choice.partition('_')[0]}_launcher")
    register([])
    with initialize_config_module("pinn.conf", version_base="1.3"):
        node = compose("config", overrides=[f"hydra/launcher={choice}"], return_hydra_config=True).hydra.launcher
    names = {name for name in map(str, node) if not name.startswith("_")}
    text = files("pinn.conf").joinpath(f"hydra/launcher/{choice}.yaml").read_text(encoding="utf-8")
    assert names == set(re.findall(r"^([a-z]\w*): ", text, flags=re.MULTILINE))
    assert checked_types(node)["n_jobs" if choice == "joblib" else "timeout_min"] is int


def test_every_problem_has_a_choice():
    """The problems that come with the package are the choices of the group."""
    named = {get_class(chosen("problem", choice)._target_) for choice in groups()["problem"]}
    ours = {cls for cls in Problem.__subclasses__() if cls.__module__.startswith("pinn.problems.")}
    assert named == ours


def test_every_network_has_a_choice():
    """The networks that come with the package are the choices of the group."""
    named = {get_class(chosen("network", choice)._target_) for choice in groups()["network"]}
    kinds = [cls for kind in Network.__subclasses__() for cls in (kind, *kind.__subclasses__())]
    assert named == {cls for cls in kinds if cls.__module__.startswith("pinn.")}


@pytest.mark.parametrize("choice", sorted(set(groups()["network"]) - {"spectral"}))  # which has no layers to train
def test_every_network_takes_a_factorization(choice):
    node = composed(f"network={choice}", "network/factorization=random").network
    built = instantiate(node, _convert_="all")(inputs=2, outputs=1)
    factorization = built.configuration["factorization"]
    assert factorization == OmegaConf.to_container(node.factorization)
    parameters = inspect.signature(get_class(factorization["_target_"])).parameters
    assert options(node.factorization) == {name: parameter.default for name, parameter in parameters.items()}
    assert checked_types(node.factorization) == {"mean": float, "deviation": float}


@pytest.mark.parametrize("choice", ADAPTATIONS)
def test_every_sequence_takes_an_adaptation(choice):
    node = composed("sampler=halton", f"sampler/adaptation={choice}").sampler
    adaptation = instantiate(node, _convert_="all").adaptation
    assert adaptation.configuration == OmegaConf.to_container(node.adaptation)
    defaults = type(adaptation)().configuration
    assert adaptation.configuration == defaults
    assert set(checked_types(node.adaptation)) == set(defaults) - {"_target_"}
    assert composed(f"sampler/adaptation={choice}", "sampler.adaptation=null").sampler.adaptation is None


def test_every_adaptation_has_a_choice():
    named = {get_class(composed(f"sampler/adaptation={choice}").sampler.adaptation._target_) for choice in ADAPTATIONS}
    assert named == set(Adaptation.__subclasses__())


def test_keys_are_those_of_solve():
    config, parameters = composed(), inspect.signature(solve).parameters
    plain = OmegaConf.to_container(config, enum_to_str=True)
    assert isinstance(plain, dict)
    own = [name for name in plain if name not in groups() and name not in (KEY, TRACKER)]
    assert {*own, *groups(), "folder", "callbacks", "configuration", "resume"} == set(parameters)
    for name in own:
        assert (plain[name] or None) == (parameters[name].default or None), name


def test_words_are_enumerations_of_the_librarys():
    types = checked_types(composed())
    listed = {name: tuple(kind.__members__) for name, kind in types.items() if isinstance(kind, type(Enum))}
    assert listed == {
        "dtype": tuple(DTYPES),
        "constraints": CONSTRAINTS,
        "derivatives": ENGINES,
        "compile": COMPILATION,
        "scaling": SCALINGS,
    }
    assert (types["seed"], types["device"]) == (int, str)


@pytest.mark.parametrize(
    "name",
    [
        "config",
        *(f"{group}/{choice}" for group, choices in further_groups().items() for choice in choices),
        *(f"{group}/{choice}" for group, choice in CHOICES),
    ],
)
def test_every_option_is_explained(name):
    text = files("pinn.conf").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    header = "# @package _global_\n"
    assert text.removeprefix(header).startswith("# ")
    # options are at the left margin, or below their group; Hydra's own settings and the defaults list are no options
    margin = "  " if text.startswith(header) else ""
    found = re.findall(rf"^{margin}(?!_|defaults:|hydra:)\w+:.*$", text, flags=re.MULTILINE)
    if name.startswith("experiment/"):
        return  # changes options that are explained where they are
    assert found or name.startswith(
        ("problem/", "optimizer/auto", "weighting/fixed", "sampler/adaptation/r3", "hydra/launcher/basic")
    )
    for line in found:
        assert re.search(r"  # \S.{10,}$", line), line


def test_a_folder_name_keeps_only_what_is_safe():
    assert run_name("burgers", "pinn.problems.Burgers") == "burgers"
    assert run_name("rods.py:HeatSink", "rods.HeatSink") == "heat_sink"  # as the log and the file have it
    assert run_name("../../etc/pass wd", "pinn.problems.Heat") == "etc_pass_wd"
    assert run_name("..", "pinn.problems.Heat") == "unnamed"
