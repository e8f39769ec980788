"""What a run's configuration is made from: words, conf/, the choices and the problem in files of the user's own."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import MISSING, DictConfig, OmegaConf

from pinn.basis.errors import require
from pinn.basis.pages import Page
from pinn.cli.problem_file import problem_class, problem_options, search_working_directory
from pinn.cli.schema import checked_type, open_mappings, parameters, structured
from pinn.cli.sources import register_sources
from pinn.cli.strict import KEY, Doubted, doubt
from pinn.diagnosis.verdict import verdict_of
from pinn.distributed.rendezvous import launched_rank
from pinn.problem import snake_case
from pinn.scaling.sizes import SCALINGS
from pinn.solving.compilation import COMPILATION
from pinn.solving.device import DTYPES
from pinn.solving.run import solve
from pinn.training.run import Callback, Run
from pinn.trial.function import ENGINES
from pinn.trial.making import CONSTRAINTS

PROBLEM_FILE = re.compile(r"[^,\s'\"()\[\]]+\.py(?::\w+)?(?![\w.])")

PARTS = ("problem", "network", "sampler", "optimizer", "weighting", "training", "output")
TRACKER = "tracker"  # what watches a run besides, none by default
OF_PYTHON = ("folder", "callbacks", "configuration", "resume")  # arguments of `solve` that are no options
WORDS = {
    "dtype": DTYPES,
    "constraints": CONSTRAINTS,
    "derivatives": ENGINES,
    "compile": COMPILATION,
    "scaling": SCALINGS,
}


def register(words: list[str], config_dir: str | None = None) -> list[str]:
    """Make everything known that the words may name, and return them as Hydra is to read them.

    The working directory is searched for modules last, so that no file in it can hide an installed package.
    config_dir: a folder with choices of the user's own. Raises UserError where it is not there.
    """
    register_sources(None if config_dir is None else choices_folder(Path(config_dir)))
    ConfigStore.instance().store(group="schema", name="config", node=_main_options())
    OmegaConf.register_new_resolver("run_name", run_name, replace=True)
    search_working_directory()
    return [_with_problem_files(word) for word in words]


def pages_named(words: Sequence[str]) -> tuple[Page, ...]:
    """Those of the problems whose files the words of a command name, as they are imported."""
    named = [word.removeprefix("problem=") for word in words if word.startswith("problem=")]
    found = [problem_class(spelled).page for word in named for spelled in PROBLEM_FILE.findall(word)]
    return tuple({page.module: replace(page) for page in found if page is not None}.values())  # without its modules


def composed(words: Sequence[str], config_dir: str | None = None) -> DictConfig:
    """The configuration that a run with these options would have, composed without a run folder."""
    overrides = register(list(words), config_dir)
    with initialize_config_module("pinn.conf", version_base="1.3", job_name="pinn"):
        return compose("config", overrides)


def arguments(config: DictConfig) -> dict[str, Any]:
    """The arguments of `solve` that a composed configuration describes."""
    plain = _resolved(config)
    parts = {name: instantiate(config[name], _convert_="all") for name in PARTS}
    return plain | parts | {"configuration": plain}


def _resolved(config: DictConfig) -> dict[str, Any]:
    """What a solution is made from, as plain data, nothing left to be filled in."""
    container = OmegaConf.to_container(config, resolve=True, throw_on_missing=True, enum_to_str=True)
    plain = cast("dict[str, Any]", container)
    return {name: value for name, value in plain.items() if name not in (KEY, TRACKER)}


def solve_configured(
    config: DictConfig, folder: Path, resume: bool = False, callbacks: Sequence[Callback] = ()
) -> Doubted | None:
    """Build what the configuration names, solve, and write the results to the folder; resume: from its checkpoint.

    Returns what makes the answer unfit for use, if anything; raises KeyboardInterrupt where the run was interrupted,
    with the signal's number.
    """
    return solve_built(arguments(config), folder, resume, [*tracked(config, folder), *callbacks])


def tracked(config: DictConfig, folder: Path) -> list[Callback]:
    """The tracker of a run in a folder, where the configuration has one."""
    if config.get(TRACKER) is None:
        return []
    return [instantiate(config[TRACKER])(folder, _resolved(config))]


def solve_built(
    built: Mapping[str, Any], folder: Path, resume: bool = False, callbacks: Sequence[Callback] = ()
) -> Doubted | None:
    """The same of the arguments of `solve`."""
    watch = _Watch()
    solution = solve(**built, folder=folder, resume=resume, callbacks=[*callbacks, watch])
    if watch.run is not None and watch.run.interruption.signal is not None:  # after the training, too
        raise KeyboardInterrupt(watch.run.interruption.signal)
    if solution.attributes["status"] == "interrupted":
        raise KeyboardInterrupt
    if launched_rank() > 0:  # which has not examined what it has helped to train
        return None
    return doubt({str(folder): verdict_of(solution.attributes, {})})


class _Watch(Callback):
    """Knows the run that goes on."""

    run: Run | None = None

    def on_start(self, run: Run) -> None:
        self.run = run


def _main_options() -> DictConfig:
    """The keys of conf/config.yaml: the arguments of `solve`, one a group, and those of their own."""
    fields: list[tuple[str, Any, Any]] = [(name, Any, MISSING) for name in PARTS]
    for name, parameter in parameters(solve).items():
        if name not in (*PARTS, *OF_PYTHON):
            words = {word: word for word in WORDS.get(name, ())}
            kind = Enum(name, words) if words else checked_type(parameter.annotation)
            fields.append((name, kind, MISSING))
    fields += [(KEY, bool, MISSING), (TRACKER, Any, None)]
    return open_mappings(structured("Config", fields))


def choices_folder(folder: Path) -> Path:
    """The folder of --config-dir, in full; raises UserError where it is none, or holds a main configuration."""
    require(folder.is_dir(), f"no folder {str(folder)!r} for --config-dir; looked in {Path.cwd()}")
    main = folder / "config.yaml"
    require(
        not main.exists(), f"{main} would replace pinn's own config.yaml: rename it, or choose another --config-dir"
    )
    return folder.resolve()


def run_name(choice: object, target: object) -> str:
    """What the folder of a problem's runs is called: its choice, `burgers`; of one in a page, `heat.Rod`, `rod`."""
    name = snake_case(str(target).rpartition(".")[2]) if str(choice).partition(":")[0].endswith(".py") else str(choice)
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "unnamed"


def _with_problem_files(word: str) -> str:
    """`problem=heat.py` with each file made a choice of the group `problem`, sweeps included."""
    if not word.startswith("problem="):
        return word
    return "problem=" + PROBLEM_FILE.sub(_register_problem, word.removeprefix("problem="))


def _register_problem(match: re.Match[str]) -> str:
    choice = Path(match[0]).name
    ConfigStore.instance().store(group="problem", name=choice, node=problem_options(match[0]))
    return choice
