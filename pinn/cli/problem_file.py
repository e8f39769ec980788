"""A user's own problem: the Problem subclass in a file, with its constructor's arguments as options."""

import dataclasses
import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_type_hints

from pinn.basis.errors import UserError
from pinn.cli.near import did_you_mean

if TYPE_CHECKING:
    from pinn.problem import Problem

SCALARS = (bool, int, float, str)


def search_working_directory() -> None:
    """Search the working directory for modules, last, so that no file in it can hide an installed package."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def problem_node(spelled: str) -> Any:
    """The schema and values of `FILE.py[:Class]` for Hydra: `_target_` and the constructor's arguments.

    Raises UserError where the file, its class or its import fails.
    """
    name, _, wanted = spelled.partition(":")
    module = _import_file(Path(name))
    found = _problem_classes(module)
    if not found:
        _check_abstract(module)
        raise UserError(f"{name} defines no Problem; write `class Heat(pinn.Problem): ...` in it")
    spellings = ", ".join(f"{name}:{known}" for known in found)
    if wanted and wanted not in found:
        raise UserError(f"no Problem {wanted!r} in {name}{did_you_mean(wanted, found)}; try {spellings}")
    if not wanted and len(found) > 1:
        raise UserError(f"{name} defines several problems; name one: {spellings}")
    return _node(found[wanted or next(iter(found))])


def _import_file(path: Path) -> ModuleType:
    """Import a file as the top-level module of its name, so that a saved `_target_` finds it again."""
    if not path.is_file():
        there = [str(other) for other in sorted(path.parent.glob("*.py"))] if path.parent.is_dir() else []
        raise UserError(f"no file {str(path)!r}{did_you_mean(str(path), there)}; looked in {path.parent.resolve()}")
    if not path.stem.isidentifier():
        raise UserError(f"{path.name} cannot be imported: rename it to letters, digits and underscores")
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(path.stem)
    except Exception as error:
        raise UserError(f"cannot import {path}: {type(error).__name__}: {error}") from error
    origin = getattr(module, "__file__", None)
    if origin is None or not path.samefile(origin):
        raise UserError(f"the name {path.stem!r} belongs to another module ({origin}); rename {path.name}")
    return module


def _problem_classes(module: ModuleType) -> dict[str, type["Problem"]]:
    """The concrete subclasses of Problem that the module itself defines, by name."""
    from pinn.problem import Problem

    classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Problem)]
    return {cls.__name__: cls for cls in classes if cls.__module__ == module.__name__ and not inspect.isabstract(cls)}


def _check_abstract(module: ModuleType) -> None:
    """Raises UserError that names what a Problem of the module lacks."""
    from pinn.problem import Problem

    for cls in vars(module).values():
        if isinstance(cls, type) and issubclass(cls, Problem) and cls.__module__ == module.__name__:
            lacking = ", ".join(f"{name}(self)" for name in sorted(cls.__abstractmethods__))
            raise UserError(f"{cls.__name__} in {module.__name__}.py has no method {lacking}")


def _node(cls: type) -> Any:
    """An instance of a dataclass made from the constructor; an argument without default is a mandatory option."""
    hints = get_type_hints(cls.__init__)  # type: ignore[misc]
    fields: list[Any] = [("_target_", str, f"{cls.__module__}.{cls.__qualname__}")]
    for name, parameter in inspect.signature(cls).parameters.items():
        named = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        default = "???" if parameter.default is parameter.empty else parameter.default
        if named and _is_plain(default):
            kind = hints.get(name, float if isinstance(default, float) else Any)
            fields.append((name, kind if kind in SCALARS else Any, _field(default)))
    return dataclasses.make_dataclass(cls.__name__, fields)()


def _field(default: Any) -> Any:
    return dataclasses.field(default_factory=lambda: list(default) if isinstance(default, tuple) else default)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(entry) for key, entry in value.items())
    return value is None or isinstance(value, SCALARS)
