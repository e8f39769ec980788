"""Objects from their saved configurations, without running code that a file from a stranger might name."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any

from pinn.basis.errors import UserError, require

HYDRA_KEYS = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_")


def rebuild(configuration: Any, trust: bool = False) -> Any:
    """The object that a configuration in Hydra's form describes, nested ones first.

    A mapping with `_target_` becomes that class called with the other entries; with `_partial_: true`, a
    `functools.partial` of it. Anything else is returned as it is.

    Args:
        configuration: plain data, as `Configurable.configuration` makes it.
        trust: allow classes and functions from outside `pinn`. Importing them runs their code.

    Raises:
        UserError: a target that is not trusted, cannot be imported or does not take these arguments.
    """
    if isinstance(configuration, list):
        return [rebuild(entry, trust) for entry in configuration]
    if not isinstance(configuration, Mapping):
        return configuration
    entries = {name: rebuild(value, trust) for name, value in configuration.items() if name not in HYDRA_KEYS}
    if "_target_" not in configuration:
        return entries
    target = find(str(configuration["_target_"]), trust)
    positional = rebuild(list(configuration.get("_args_", [])), trust)
    if configuration.get("_partial_", False):
        return functools.partial(target, *positional, **entries)
    try:
        return target(*positional, **entries)
    except TypeError as error:
        name = configuration["_target_"]
        raise UserError(f"cannot rebuild {name} from its saved arguments: {error}; was it changed?") from error


def find(path: str, trust: bool = False) -> Any:
    """The class (with `trust`, or any callable) at a dotted import path.

    Without `trust` only classes that are defined in `pinn` are returned, and no other package is imported: names
    that a module of `pinn` has merely imported (`pinn.solution.os.system`) do not count.

    Raises:
        UserError: the path is not trusted or leads nowhere.
    """
    foreign = f"the file names {path}, which is not a class of pinn; with trust=True (--trust) it is imported and run"
    require(trust or path.split(".")[0] == "pinn", foreign)
    parts = path.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:split]))
            for part in parts[split:]:
                found = getattr(found, part)
        except (ImportError, AttributeError):
            continue
        ours = isinstance(found, type) and found.__module__.split(".")[0] == "pinn"
        require(ours or (trust and callable(found)), foreign)
        return found
    raise UserError(f"cannot find {path}, which the file names; is its module on Python's path?")
