"""Objects from their saved configurations, without running code that a file from a stranger might name."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from pinn.basis.configurable import Configurable
from pinn.basis.errors import UserError, require
from pinn.basis.pages import Page

MOVED = {
    "pinn.arguments": "pinn.basis.arguments",
    "pinn.callbacks": "pinn.training",
    "pinn.checkpoint": "pinn.training.checkpoint",
    "pinn.compilation": "pinn.solving.compilation",
    "pinn.configurable": "pinn.basis.configurable",
    "pinn.errors": "pinn.basis.errors",
    "pinn.export": "pinn.solution.export",
    "pinn.feature_scales": "pinn.training.feature_scales",
    "pinn.initial_guess": "pinn.training.initial_guess",
    "pinn.measuring": "pinn.training.held_out",
    "pinn.schema": "pinn.cli.schema",
    "pinn.weighting": "pinn.training",
    "pinn.windows": "pinn.trial",
}
"""Modules that older files name, and where their classes are now."""

DROPPED: dict[str, dict[str, Any]] = {"pinn.training.Training": {"replicas": 1}}
"""Class -> arguments of older files that it no longer takes, with the only value that they may have."""

CORRECTED, TRAINED = "pinn.networks.CorrectedNetwork", "trained"
"""The network that has a trained one inside, and the argument that says which."""

Kinds = tuple[type, ...]

TRUST = "with trust=True (--trust) it is imported and run"

HYDRA_KEYS = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_")


def renewed(configuration: Any) -> Any:
    """A saved configuration in today's names: without arguments that were dropped, with classes that moved.

    Raises UserError where a dropped argument asks for what is no longer done.
    """
    if isinstance(configuration, list):
        return [renewed(entry) for entry in configuration]
    if not isinstance(configuration, Mapping):
        return configuration
    entries = {name: renewed(value) for name, value in configuration.items()}
    if "_target_" not in entries:
        return entries
    target = str(entries["_target_"])
    home, _, name = target.rpartition(".")
    target = f"{MOVED[home]}.{name}" if home in MOVED else target
    for argument, allowed in DROPPED.get(target, {}).items():
        value = entries.pop(argument, allowed)
        require(value == allowed, f"{target} has no {argument} any more, got {argument}={value!r}; set it to {allowed}")
    return entries | {"_target_": target}


def is_corrected(network: Any) -> bool:
    """Whether a network's configuration is that of a corrected one."""
    return isinstance(network, Mapping) and network.get("_target_") == CORRECTED


def without_corrections(network: Any) -> Any:
    """A network's configuration as it was trained."""
    return network[TRAINED] if is_corrected(network) else network


def rebuild(
    configuration: Any,
    trust: bool = False,
    kinds: Kinds = (Configurable,),
    parts: Kinds = (Configurable,),
    page: Page | None = None,
) -> Any:
    """The object that a configuration in Hydra's form describes, nested ones first.

    A mapping with `_target_` becomes that class called with the other entries; with `_partial_: true`, a
    `functools.partial` of it. Anything else is returned as it is. Names of older files are renewed before.

    Args:
        configuration: plain data, as `Configurable.configuration` makes it.
        trust: allow classes and functions from outside `pinn`, which importing runs, and files that are opened.
        kinds, parts: what the object itself and the nested ones must be where they are not trusted.
        page: modules that are not searched for elsewhere, where they are trusted.

    Raises:
        UserError: a target that is not trusted, cannot be imported or does not take these arguments; as `renewed`.
    """
    configuration = renewed(configuration)
    if not trust:
        check_targets(configuration, kinds, parts)
    return _rebuilt(configuration, trust, page)


def check_targets(configuration: Any, kinds: Kinds, parts: Kinds) -> None:
    """Raise UserError unless all that a configuration would make is of `pinn`, of its place's kind and opens no file.

    kinds, parts: what the object itself and the nested ones must be. Nothing is made.
    """
    if isinstance(configuration, list):
        for entry in configuration:
            check_targets(entry, kinds, parts)
    if not isinstance(configuration, Mapping):
        return
    if "_target_" in configuration:
        target = find(path := str(configuration["_target_"]))
        wanted = " or ".join(kind.__name__ for kind in kinds)
        require(issubclass(target, kinds), f"the file names {path}, which is no {wanted}, where one belongs; {TRUST}")
        opened = [name for name in getattr(target, "opens", ()) if configuration.get(name) is not None]
        hidden = bool(getattr(target, "opens", ())) and "_args_" in configuration
        require(not opened and not hidden, f"the file has {path} open a file of its choice; {TRUST}")
        kinds = parts
    for value in configuration.values():
        check_targets(value, kinds, parts)


def _rebuilt(configuration: Any, trust: bool, page: Page | None) -> Any:
    if isinstance(configuration, list):
        return [_rebuilt(entry, trust, page) for entry in configuration]
    if not isinstance(configuration, Mapping):
        return configuration
    entries = {name: _rebuilt(value, trust, page) for name, value in configuration.items() if name not in HYDRA_KEYS}
    if "_target_" not in configuration:
        return entries
    target = find(str(configuration["_target_"]), trust, page)
    positional = _rebuilt(list(configuration.get("_args_", [])), trust, page)
    if configuration.get("_partial_", False):
        return functools.partial(target, *positional, **entries)
    try:
        return target(*positional, **entries)
    except TypeError as error:
        name = configuration["_target_"]
        raise UserError(f"cannot rebuild {name} from its saved arguments: {error}; was it changed?") from error


def find(path: str, trust: bool = False, page: Page | None = None) -> Any:
    """The class (with `trust`, or any callable) at a dotted import path.

    Without `trust` only classes that are defined in `pinn` are returned, and no other package is imported: names
    that a module of `pinn` has merely imported (`pinn.solution.os.system`) do not count. page: its modules come first.

    Raises:
        UserError: the path is not trusted or leads nowhere.
    """
    foreign = f"the file names {path}, which is not a class of pinn; {TRUST}"
    require(trust or path.split(".")[0] == "pinn", foreign)
    parts = path.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            target = _module(".".join(parts[:split]), page if trust else None)
            for part in parts[split:]:
                target = getattr(target, part)
        except (ImportError, AttributeError):
            continue
        ours = isinstance(target, type) and target.__module__.split(".")[0] == "pinn"
        require(ours or (trust and callable(target)), foreign)
        return target
    raise UserError(f"cannot find {path}, which the file names; is its module on Python's path?")


def _module(name: str, page: Page | None) -> ModuleType:
    if page is not None and name in page.names:
        return page.modules[name]
    return importlib.import_module(name)
