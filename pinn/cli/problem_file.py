"""A user's own problem: the Problem subclass in a file, with its constructor's arguments as options."""

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import yaml
from omegaconf import MISSING, DictConfig, OmegaConf

from pinn.basis.errors import UserError
from pinn.basis.pages import installed
from pinn.cli.near import did_you_mean
from pinn.cli.schema import options
from pinn.problem import Problem


def search_working_directory() -> None:
    """Search the working directory for modules, last, so that no file in it can hide an installed package."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def problem_options(spelled: str) -> DictConfig:
    """`FILE.py[:Class]` as Hydra takes it: `_target_` and the constructor's arguments.

    Raises UserError where the file, its class or its import fails.
    """
    cls = problem_class(spelled)
    return options(cls, f"{cls.__module__}.{cls.__qualname__}")


def options_page(spelled: str) -> str:
    """What `pinn --help problem=FILE.py` prints: the statement, and a line for each argument that is an option."""
    cls = problem_class(spelled)
    lines = [f"# {line}".rstrip() for line in inspect.cleandoc(cls.__doc__ or "").splitlines()]
    for name, value in cast("dict[str, Any]", OmegaConf.to_container(options(cls, ""))).items():
        told = yaml.safe_dump(value, default_flow_style=True, width=sys.maxsize).removesuffix("...\n").strip()
        given = f"???  # has no default: problem.{name}=..." if value == MISSING else told
        lines += [f"{name}: {given}"] if name != "_target_" else []
    return "\n".join([f"problem={spelled}", *lines, ""])


def problem_class(spelled: str) -> type[Problem]:
    """The Problem that `FILE.py[:Class]` names; raises UserError where the file, its class or its import fails."""
    name, _, wanted = spelled.partition(":")
    module = _import_file(Path(name))
    defined = _problem_classes(module)
    classes = {known: cls for known, cls in defined.items() if not inspect.isabstract(cls)}
    if not classes:
        for abstract, cls in defined.items():
            lacking = ", ".join(f"{method}(self)" for method in sorted(cls.__abstractmethods__))
            raise UserError(f"{abstract} in {module.__name__}.py has no method {lacking}")
        raise UserError(f"{name} defines no Problem; write `class Heat(pinn.Problem): ...` in it")
    spellings = ", ".join(f"{name}:{known}" for known in classes)
    if wanted and wanted not in classes:
        raise UserError(f"no Problem {wanted!r} in {name}{did_you_mean(wanted, classes)}; try {spellings}")
    if not wanted and len(classes) > 1:
        raise UserError(f"{name} defines several problems; name one: {spellings}")
    return classes[wanted or next(iter(classes))]


def _import_file(path: Path) -> ModuleType:
    """Import a file as the top-level module of its name, so that a saved `_target_` finds it again.

    One that is kept and installed, of a sweep that goes on, is in its place, wherever the file is now.
    """
    kept = installed(path.name)
    if kept is not None:
        return kept
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


def _problem_classes(module: ModuleType) -> dict[str, type[Problem]]:
    """The subclasses of Problem that the module itself defines, by name."""
    classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Problem)]
    return {cls.__name__: cls for cls in classes if cls.__module__ == module.__name__}
