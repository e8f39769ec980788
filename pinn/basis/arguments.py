"""Arguments by name: what a user's function asks for."""

import inspect
from collections.abc import Callable

from pinn.basis.errors import UserError


def argument_names(function: Callable) -> tuple[str, ...]:
    """The positional arguments of a function, which name what it needs."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in kinds:
            raise UserError(
                f"{getattr(function, '__qualname__', function)} must name each quantity it needs; got {parameter}"
            )
        if parameter.default is inspect.Parameter.empty:
            names.append(parameter.name)
    return tuple(names)
