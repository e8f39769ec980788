"""`pinn --help`: the groups and their choices, read from the comments in conf/ without composing anything."""

import re
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

from pinn.cli.near import did_you_mean
from pinn.errors import UserError

USAGE = """\
pinn: physics-informed neural networks, trained to second order in double precision

Usage
  pinn [GROUP=CHOICE | KEY=VALUE]...          solve; results go to runs/<problem>/<date>_<time>/
  pinn -m [GROUP=A,B | KEY=1,2]...            solve for every combination
  pinn show RUN...                            summarize finished runs
  pinn --help GROUP[=CHOICE]...               the options of a choice, explained
  pinn --cfg job [GROUP=CHOICE | KEY=VALUE]   print the configuration and stop

Examples
  pinn
  pinn problem=burgers problem.nu=0.01 network.width=32 seed=1
  pinn -m optimizer=levenberg_marquardt,adam 'seed=range(0,5)'
  pinn problem=heat.py problem.kappa=2        the Problem in a file of your own; heat.py:Rod where it has several
  pinn --config-dir my_conf problem=mine      your own groups, as my_conf/problem/mine.yaml
"""


def version_line() -> str:
    return f"pinn {version('pinn')}\n"


def groups() -> dict[str, dict[str, str]]:
    """The groups in the order of the defaults list: group -> choice -> its line of description."""
    return {
        group: {
            entry.name.removesuffix(".yaml"): _description(entry.read_text(encoding="utf-8"))
            for entry in sorted(_conf().joinpath(group).iterdir(), key=lambda entry: entry.name)
            if entry.name.endswith(".yaml")
        }
        for group in _defaults()
    }


def help_page() -> str:
    """The page that `pinn --help` prints."""
    chosen = _defaults()
    listed = groups()
    width = max(len(choice) for choices in listed.values() for choice in choices)
    lines = [USAGE, "Groups and their choices (* is the default)"]
    for group, choices in listed.items():
        lines.append(f"  {group}")
        lines += [f"  {'*' if chosen[group] == name else ' '} {name:{width}}  {text}" for name, text in choices.items()]
    lines += ["", "Keys"]
    keys = re.findall(r"^(\w+): (\S+)  # (.*)$", _read("config.yaml"), flags=re.MULTILINE)
    lines += [f"    {f'{key}={value}':{width}}  {text}" for key, value, text in keys]
    lines += [
        "",
        "Hydra's own flags: pinn --hydra-help. A traceback with an error: HYDRA_FULL_ERROR=1 pinn ...",
        "",
    ]
    return "\n".join(lines)


def group_page(topic: str) -> str:
    """The options of `optimizer=adam`, or of the default choice of `optimizer`, with their comments."""
    group, _, choice = topic.partition("=")
    listed = groups()
    if group not in listed:
        raise UserError(f"no group {group!r}{did_you_mean(group, listed)}; the groups are {', '.join(listed)}")
    choice = choice or _defaults()[group]
    if choice not in listed[group]:
        hint = did_you_mean(choice, listed[group])
        raise UserError(f"no choice {choice!r} of {group}{hint}; the choices are {', '.join(listed[group])}")
    text = _read(f"{group}/{choice}.yaml")
    options = re.sub(r"^defaults:\n(?:  .*\n)+\n?|^_\w+_: .*\n", "", text, flags=re.MULTILINE)
    return f"{group}={choice}\n{options}"


def _conf() -> Traversable:
    return files("pinn.conf")


def _read(name: str) -> str:
    return _conf().joinpath(*name.split("/")).read_text(encoding="utf-8")


def _defaults() -> dict[str, str]:
    """Group -> the default choice."""
    return dict(re.findall(r"^  - (\w+): (\w+)$", _read("config.yaml"), flags=re.MULTILINE))


def _description(text: str) -> str:
    first = text.partition("\n")[0]
    return first.removeprefix("#").strip()
