"""Objects that remember how they were built, so that a solution file can rebuild them."""

import functools
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar


class Configurable:
    """Mixin that records the constructor's arguments at construction.

    `configuration` is plain data in Hydra's form, `{"_target_": "pinn.problems.Burgers", "nu": 0.01}`; defaults
    that were not passed are included, so that a later change of a default does not change an old file.

    opens: the constructor's arguments that are paths which it opens; a file from a stranger may not name any.
    """

    opens: ClassVar[tuple[str, ...]] = ()

    _constructor_arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        if cls.__init__ is object.__init__:
            object.__setattr__(self, "_constructor_arguments", {})
            return self
        signature = inspect.signature(cls.__init__)
        try:
            bound = signature.bind_partial(self, *args, **kwargs)
        except TypeError:
            return self  # the constructor is about to raise the same error, with a better message
        bound.apply_defaults()
        arguments = dict(list(bound.arguments.items())[1:])
        for name, parameter in signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:  # Box(x=(0, 1)) is rebuilt from x, not from a dict
                arguments |= arguments.pop(name)
        object.__setattr__(self, "_constructor_arguments", arguments)
        return self

    @property
    def configuration(self) -> dict[str, Any]:
        """The class's import path and its constructor arguments, as plain data."""
        return {"_target_": import_path(type(self))} | {
            name: plain(value) for name, value in self._constructor_arguments.items()
        }


def import_path(cls: Any) -> str:
    """The dotted path under which a class or function is imported; the shortest public one for classes of `pinn`."""
    parts = cls.__module__.split(".")
    if parts[0] == "pinn":
        return ".".join(parts[:2] if len(parts) > 2 else parts) + "." + cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def plain(value: Any) -> Any:
    """`value` as data that YAML can hold: nested Configurables and partials become their configurations."""
    if hasattr(type(value), "configuration"):
        return value.configuration
    if isinstance(value, functools.partial):
        arguments = {"_args_": plain(value.args)} if value.args else {}
        return {"_target_": import_path(value.func), "_partial_": True, **arguments, **plain(value.keywords)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    if isinstance(value, type):
        return import_path(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)
