"""The options of a constructor as Hydra checks them: names, types and defaults, read from its signature."""

import dataclasses
import inspect
import pydoc
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from types import GenericAlias, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import MISSING, DictConfig, OmegaConf

SCALARS = (bool, int, float, str)


def located(spelled: str) -> Callable[..., Any] | None:
    """The class or function that a `_target_` names; None where there is no such thing, which building it tells."""
    try:
        named = pydoc.locate(spelled)
    except pydoc.ErrorDuringImport:
        return None
    return named if isinstance(named, type) or inspect.isfunction(named) or inspect.ismethod(named) else None


def parameters(constructor: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The arguments of a function, or of a class, which has none where neither it nor a base has a constructor."""
    if _called(constructor) is object.__init__:
        return {}
    return inspect.signature(constructor).parameters


def options(constructor: Callable[..., Any], spelled: str, given: Collection[str] = ()) -> DictConfig:
    """The arguments that can be options, with their defaults; one without default is mandatory.

    given: names that a file gives a value, `defaults` and the like that Hydra reads among them: an argument whose
    default YAML cannot write is an option where it is given. With `_partial_` arguments without default come later,
    with a defaults list any argument may come from another file.
    """
    fields: list[tuple[str, Any, Any]] = [("_target_", str, spelled)]
    hints = _hints(constructor)
    for name, parameter in parameters(constructor).items():
        named = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        required = parameter.default is parameter.empty
        optional = "_partial_" not in given if required else "defaults" not in given and _is_plain(parameter.default)
        if named and (name in given or optional):
            default = parameter.default if not required and _is_plain(parameter.default) else MISSING
            fields.append((name, checked_type(hints.get(name, _type_of(default))), default))
    known = {name for name, _, _ in fields}
    fields += [(name, Any, MISSING) for name in given if name not in known]
    places = {name: place for place, name in enumerate(given)}
    fields.sort(key=lambda field: places.get(field[0], len(places)))  # as the file has them
    return structured(constructor.__name__, fields)


def _hints(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The annotations by name; none where they name what is imported for type checkers alone."""
    try:
        return get_type_hints(_called(constructor))
    except (NameError, TypeError, AttributeError):
        return {}


def takes_any(constructor: Callable[..., Any]) -> bool:
    """Whether there may be arguments that the signature does not name."""
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters(constructor).values())


def structured(name: str, fields: Iterable[tuple[str, Any, Any]]) -> DictConfig:
    """A configuration of typed fields (name, type, default)."""
    made = [(key, kind, dataclasses.field(default_factory=_copied(default))) for key, kind, default in fields]
    return OmegaConf.structured(dataclasses.make_dataclass(name, made))


def open_mappings(node: DictConfig) -> DictConfig:
    """Let mappings take new keys, which Hydra forbids everywhere else."""
    for key in node:
        entry = node._get_node(key)
        if isinstance(entry, DictConfig):
            OmegaConf.set_struct(entry, False)
    return node


def checked_type(hint: Any) -> Any:
    """What OmegaConf can check of an annotation; Any where it can check nothing."""
    origin, entries = get_origin(hint), get_args(hint)
    if hint in SCALARS or (isinstance(hint, type) and issubclass(hint, Enum)):
        return hint
    if origin in (Union, UnionType):
        kinds = [checked_type(entry) for entry in entries if entry is not NoneType]
        if len(kinds) == 1 and kinds[0] is not Any and NoneType in entries:
            return kinds[0] | None
        return hint if all(kind in SCALARS for kind in kinds) else Any
    if origin in (list, tuple, Sequence) and all(entry in SCALARS or entry is ... for entry in entries):
        return GenericAlias(list, entries) if origin is Sequence else hint
    if origin in (dict, Mapping) and all(entry in SCALARS for entry in entries):
        return GenericAlias(dict, entries)
    return Any


def _called(constructor: Any) -> Callable[..., Any]:
    """The function that has the arguments' annotations."""
    return constructor.__init__ if isinstance(constructor, type) else constructor  # type: ignore[misc]


def _type_of(default: Any) -> Any:
    """Of an argument without annotation: a default of 1.0 means a number, any other nothing."""
    return float if isinstance(default, float) else Any


def _copied(default: Any) -> Callable[[], Any]:
    return lambda: list(default) if isinstance(default, tuple) else default


def _is_plain(value: Any) -> bool:
    """Whether YAML can write a value."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(entry) for key, entry in value.items())
    return value is None or isinstance(value, SCALARS)
