"""`pinn --help`: the groups and their choices, read from the comments in conf/ without composing anything."""

import re
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pinn.basis.errors import UserError
from pinn.cli.near import did_you_mean, no_choice

EXPERIMENT = "experiment"
TRACKER = "tracker"
OF_SWEEPS = ("hydra/launcher", "hydra/sweeper")

USAGE = """\
pinn: physics-informed neural networks, trained to second order in double precision

Usage
  pinn [GROUP=CHOICE | KEY=VALUE]...          solve; results go to runs/<problem>/<date>_<time>/
  pinn -m [GROUP=A,B | KEY=1,2]...            solve for every combination; results go to runs/multirun/
  pinn new NAME                               a problem of your own: NAME.py, to be changed, running as it stands
  pinn guide [TOPIC]                          the guide: pages with examples, one a task
  pinn check [GROUP=CHOICE | KEY=VALUE]...    compare the problem's derivatives with numbers, before a run
  pinn resume RUN [KEY=VALUE]...              continue a run that was interrupted, or longer; or a sweep
  pinn verdict RUN...                         how far finished runs can be trusted, and by which numbers
  pinn show RUN...                            summarize finished runs
  pinn compare RUN RUN...                     their errors on the same nodes, side by side
  pinn table DIR                              all runs below a folder, sorted by error; of a sweep its summary
  pinn plot RUN...                            draw a run's figures again
  pinn report RUN|DIR                         a page of a run, or of all runs below a folder
  pinn export RUN --to vtu|csv|npz|pt2        a solution in another program's format
  pinn --help GROUP[=CHOICE]...               the options of a choice, explained
  pinn --cfg job [GROUP=CHOICE | KEY=VALUE]   print the configuration and stop

Examples
  pinn
  pinn problem=burgers problem.nu=0.01 network.width=32 seed=1
  pinn -m optimizer=levenberg_marquardt,adam 'seed=range(0,5)'
  pinn -m network.width=8,16,32 hydra/launcher=joblib        as many runs at once as there are cores
  pinn -m hydra/sweeper=optuna 'network.width=range(8,33)'    a search for the best value
  pinn -m experiment=ensemble problem=heat    mean and spread over five seeds
  pinn --strict problem=heat                  exit status 3 where the answer is neither trusted nor plausible
  pinn problem=heat.py problem.kappa=2        the Problem in a file of your own; heat.py:Rod where it has several
  pinn --config-dir my_conf problem=mine      your own groups, as my_conf/problem/mine.yaml
"""


def version_line() -> str:
    return f"pinn {version('pinn')}\n"


def defaults() -> dict[str, str]:
    """Group -> the default choice, of those that have one."""
    chosen = dict(re.findall(r"^  - (\w+): (\w+)(?:  #.*)?$", _main(), flags=re.MULTILINE))
    return {group: choice for group, choice in chosen.items() if choice != "null"}


def groups(config_dir: str | None = None) -> dict[str, dict[str, str]]:
    """The groups in the order of the defaults list: group -> choice -> its line of description."""
    return {group: _described(group, config_dir) for group in defaults()}


def further_groups(config_dir: str | None = None) -> dict[str, dict[str, str]]:
    """Groups without a choice of their own in the defaults list, as `groups`: experiments, parts, trackers, of sweeps.

    A folder in that of experiments is part of a choice's name (`burgers/best`), anywhere else a group
    (`sampler/adaptation`).
    """
    parts = [f"{group}/{part}" for group in defaults() for part in _subfolders(group, config_dir)]
    experiments = _described(EXPERIMENT, config_dir)
    for folder in _subfolders(EXPERIMENT, config_dir):
        inner = _described(f"{EXPERIMENT}/{folder}", config_dir)
        experiments |= {f"{folder}/{choice}": text for choice, text in inner.items()}
    further = {part: _described(part, config_dir) for part in parts} | {EXPERIMENT: experiments}
    return further | {group: _described(group, config_dir) for group in (TRACKER, *OF_SWEEPS)}


def help_page(config_dir: str | None = None) -> str:
    """The page that `pinn --help` prints, with the choices of the user's own configuration folder."""
    chosen = defaults()
    listed = groups(config_dir) | further_groups(config_dir)
    width = max(len(choice) for choices in listed.values() for choice in choices)
    lines = [USAGE, "Groups and their choices (* is the default)"]
    for group, choices in listed.items():
        lines.append(f"  {group}")
        lines += [
            f"  {'*' if chosen.get(group) == name else ' '} {name:{width}}  {text}" for name, text in choices.items()
        ]
    lines += ["", "Keys"]
    keys = re.findall(r"^(\w+): (\S+)  # (.*)$", _main(), flags=re.MULTILINE)
    lines += [f"    {f'{key}={value}':{width}}  {text}" for key, value, text in keys]
    lines += ["", "Hydra's own flags: pinn --hydra-help. A traceback with an error: HYDRA_FULL_ERROR=1 pinn ...", ""]
    return "\n".join(lines)


def choice_page(topic: str, config_dir: str | None = None) -> str:
    """The options of `optimizer=adam`, or of the default choice of `optimizer`, with their comments."""
    group, _, choice = topic.partition("=")
    chosen, listed = defaults(), groups(config_dir) | further_groups(config_dir)
    if group not in listed:
        raise UserError(f"no group {group!r}{did_you_mean(group, listed)}; the groups are {', '.join(listed)}")
    if not choice and group not in chosen:
        return "\n".join(f"{group}={name}  {text}" for name, text in listed[group].items()) + "\n"
    choice = choice or chosen[group]
    if choice not in listed[group]:
        raise UserError(no_choice(choice, group, listed[group]))
    inner, _, name = f"{group}/{choice}".rpartition("/")
    text = _files(inner, config_dir)[name]
    options = re.sub(r"^# @package .*\n|^defaults:\n(?:  .*\n)+\n?|^_\w+_: .*\n", "", text, flags=re.MULTILINE)
    return f"{group}={choice}\n{options}"


def choice_options(group: str, choice: str) -> list[str]:
    """The options that a choice of the package's own has."""
    from omegaconf import DictConfig, OmegaConf  # here, because the pages of help need none of it

    config = OmegaConf.create(_files(group, None)[choice])
    assert isinstance(config, DictConfig)
    options = config.get(group, config)  # below the group's name in a file of package _global_
    names = [name for name in map(str, options) if name != "defaults" and not name.startswith("_")]
    for entry in config.get("defaults", ()):
        if isinstance(entry, DictConfig):  # a part: `schedule: null`, `/optimizer@method: least_damping`
            names += [str(part).rpartition("@")[2] for part in entry if not str(part).startswith("override ")]
        elif entry != "_self_":  # another choice, of which this one is a variant
            names += choice_options(group, entry)
    return list(dict.fromkeys(names))


def _folders(config_dir: str | None) -> list[Traversable]:
    return [files("pinn.conf"), *([Path(config_dir)] if config_dir else [])]


def _subfolders(group: str, config_dir: str | None) -> list[str]:
    entries = [entry for folder in _folders(config_dir) for entry in _entries(folder.joinpath(group))]
    return sorted({entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(("_", "."))})


def _files(group: str, config_dir: str | None) -> dict[str, str]:
    """The text of each choice of a group by its name, the package's and then the user's."""
    return {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for folder in _folders(config_dir)
        for entry in sorted(_entries(folder.joinpath(group)), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    }


def _entries(folder: Traversable) -> list[Traversable]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _described(group: str, config_dir: str | None) -> dict[str, str]:
    """Choice -> its line of description, the first of its file."""
    return {
        name: text.removeprefix("# @package _global_\n").partition("\n")[0].removeprefix("#").strip()
        for name, text in _files(group, config_dir).items()
    }


def _main() -> str:
    return files("pinn.conf").joinpath("config.yaml").read_text(encoding="utf-8")
