"""Every error in one line: what was wrong, what was got, what to try; and whose fault it is."""

import errno
import re
import traceback
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from pinn.basis.errors import UserError
from pinn.cli.help import EXPERIMENT, further_groups
from pinn.cli.near import did_you_mean, nearest, no_choice, no_option
from pinn.cli.subcommands import no_command

OURS, USERS = 1, 2  # exit status by whose fault it is
FULL = "set HYDRA_FULL_ERROR=1 for the traceback"
HINTS = {
    "call numpy() on Tensor": "numpy's functions have no derivatives: use torch's (from torch import sin, exp, ...)",
    "converted to Python scalars": "math's functions and float() take one number: use torch's sin, exp, ...",
    "must be real number": "math's functions take one number: use torch's sin, exp, ...",
    "Boolean value of Tensor": "a field has many values at once: use torch.where in place of if",
    "could not convert string": "the file has a header: pinn.Data.read(path) reads it, as numpy does with skiprows=1",
    "must be Tensor, not numpy.ndarray": "`reference` is given numpy arrays: use numpy's functions in it",
}
LESS = "make something smaller: network.width, sampler.interior, training.jacobian_chunk, output.resolution"
SCARCE = {  # what an error says that is the machine's: what is scarce, what to try
    "allocate memory": ("not enough memory", LESS),
    "out of memory": ("not enough memory", LESS),
    "MemoryError": ("not enough memory", LESS),
    "Too many open files": ("too many open files", "raise the limit, such as by ulimit -n 1024"),
}
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", NoneType: "null"}
KINDS |= {list: "a list such as [a,b]", tuple: "a list such as [a,b]", dict: "a mapping such as {a: 1}"}


class JobsFailed(Exception):
    """Some jobs of a sweep failed. mistake: whether all by mistakes of the user."""

    def __init__(self, message: str, mistake: bool) -> None:
        super().__init__(message)
        self.mistake = mistake


def explain(error: BaseException) -> tuple[str, int]:
    """One line for an error, and the exit status that goes with it."""
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE):  # whatever could not be opened
            return _scarce(cause), OURS
    for cause in chain:
        if isinstance(cause, UserError):
            return _line(cause), USERS
    if isinstance(error, JobsFailed):
        return _line(error), USERS if error.mistake else OURS
    if isinstance(error, InstantiationException):
        return _not_built(error)
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return _composition(error, chain), USERS
    told, where = f"{type(error).__name__}: {_line(error)}", _in_users_file(error)
    scarce = _scarce(error)
    if scarce:
        return scarce, OURS
    if where:
        return f"{where}: {told}{_hint(told)}; {FULL}", USERS
    return f"{told}; {FULL}", OURS


def _scarce(error: BaseException) -> str:
    """What the machine has too little of, and what to try; empty where that is not the error."""
    told = f"{type(error).__name__}: {_line(error)}"
    scarce = next((words for part, words in SCARCE.items() if part in told), None)
    return f"{scarce[0]}: {scarce[1]} ({told[:200]}); {FULL}" if scarce else ""


def _in_users_file(error: BaseException) -> str | None:
    """`heat.py, line 12, in equation` where the error was raised in a file of the user's, or by what it called."""
    ours = str(Path(__file__).parents[1])
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if frame.filename.startswith(ours):
            return None
        if path.is_relative_to(Path.cwd()) and "site-packages" not in path.parts:
            return f"{path.relative_to(Path.cwd())}, line {frame.lineno}, in {frame.name}"
    return None


def _hint(told: str) -> str:
    """What to try where a function does not take what a problem's methods are given."""
    return next((f"; {hint}" for part, hint in HINTS.items() if part in told), "")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or _raised_by_resolver(error)


def _raised_by_resolver(error: BaseException) -> UserError | None:
    """A user's mistake in a resolver, which omegaconf does not name as the cause of its own error."""
    context = error.__context__ if isinstance(error, InterpolationResolutionError) else None
    while context is not None and not isinstance(context, UserError):
        context = context.__context__
    return context


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _composition(error: BaseException, chain: list[BaseException]) -> str:
    for cause in chain:
        if isinstance(cause, OverrideParseException):
            return _unreadable(cause)
        if isinstance(cause, MissingConfigException):
            return _unknown_choice(cause)
        if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and isinstance(cause.parent_node, DictConfig):
            return _unknown_key(cause)
        if isinstance(cause, MissingMandatoryValue):
            return f"{cause.full_key} has no value; give it one: {cause.full_key}=..."
        if isinstance(cause, ValidationError) and cause.full_key:
            return _wrong_value(cause)
    several = re.search(r"(?:Ambiguous value for argument|Sweep parameters) '(.*?)'", str(error))
    if isinstance(error, ConfigCompositionException) and several:
        return f"{several[1]} names several values; add -m to solve for each, or write a list as [a,b]"
    part = re.search(r"Could not override '(.*/.*)'", str(error))
    if part:
        whole, _, name = part[1].rpartition("/")
        return f"no {name} to choose here: the choice of {whole} has none; see pinn --help {whole}"
    innermost = chain[-1]
    if isinstance(innermost, OmegaConfBaseException) and innermost.full_key:
        return f"{innermost.full_key}: {_first_line(innermost)}"
    return _line(error)


def _unreadable(error: OverrideParseException) -> str:
    word = error.override
    if "=" in word:
        return f"cannot read {word!r}; write KEY=VALUE, and quote a value with spaces or commas: \"KEY='a b'\""
    return no_command(word)


def _unknown_choice(error: MissingConfigException) -> str:
    path = re.search(r"Could not find '(.*)'", str(error))
    if path is None:
        return _line(error)
    group, _, choice = path[1].rpartition("/")
    if group.startswith(EXPERIMENT):
        choice, group = path[1].removeprefix(f"{EXPERIMENT}/"), EXPERIMENT
        return no_choice(choice, group, further_groups()[group])
    listed = str(error).partition("Available options")[2].partition("Config search path")[0]
    choices = re.findall(r"^\t(.*)$", listed, flags=re.MULTILINE)
    return no_choice(choice, group, choices)


def _unknown_key(error: ConfigAttributeError | ConfigKeyError) -> str:
    parent, key = error.parent_node, str(error.key)
    keys = [name for name in map(str, parent) if not name.startswith("_") and name != "hydra"]
    prefix = str(error.full_key).removesuffix(key)
    match = nearest(key, keys)
    options = (path for path in dotted_keys(parent._get_root()) if not path.startswith("hydra") and key[0] != "_")
    elsewhere = [path for path in options if path.rpartition(".")[2] == key]
    suggestions = [prefix + match] if match else elsewhere
    where = f"the options of {prefix.rstrip('.')}" if prefix else "the groups and keys"
    return no_option(str(error.full_key), " or ".join(suggestions), where, keys)


def dotted_keys(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """The dotted names of all that a configuration holds."""
    for key in map(str, node):
        yield prefix + key
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            yield from dotted_keys(child, f"{prefix}{key}.")


def _wrong_value(error: ValidationError) -> str:
    """`problem.nu must be a number, got 'abc'`, from the schema's type."""
    fields = getattr(error.object_type, "__dataclass_fields__", {})
    kind: Any = fields[error.key].type if error.key in fields else None
    if isinstance(kind, type) and issubclass(kind, Enum):
        choices = [member.name for member in kind]
        hint = did_you_mean(str(error.value), choices)
        return f"{error.full_key} must be one of {', '.join(choices)}, got {error.value!r}{hint}"
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    kinds = tuple(get_origin(entry) or entry for entry in kinds)
    if all(entry in KINDS for entry in kinds):
        return f"{error.full_key} must be {' or '.join(KINDS[entry] for entry in kinds)}, got {error.value!r}"
    return f"{error.full_key}: {_first_line(error)}"


def _not_built(error: InstantiationException) -> tuple[str, int]:
    """An object that could not be made: the user's fault where its class or an argument does not exist."""
    key = re.search(r"full_key: (\S+)", str(error))
    where = f"cannot build {key[1]}" if key else "cannot build the configuration"
    if error.__cause__ is None or str(error).startswith("Error locating target"):
        hint = "; pip install 'pinn[sweeps]'" if "'optuna" in str(error) else ""
        return f"{where}: {_first_line(error).partition(', set env var')[0]}{hint}", USERS
    cause = error.__cause__
    told = f"{where}: {type(cause).__name__}: {_line(cause)}"
    if isinstance(cause, TypeError) and "argument" in str(cause):
        return told, USERS
    place = _in_users_file(cause)
    if place:
        return f"{told} ({place}); {FULL}", USERS
    return f"{told}; {FULL}", OURS
