"""Packages that only some shapes need."""

from importlib import import_module
from typing import Any

from pinn.basis.errors import UserError


def optional(package: str, extra: str = "geometry") -> Any:
    """The package; raises UserError that says how to install it where it is missing."""
    try:
        return import_module(package)
    except ImportError as error:
        raise UserError(f"this shape needs {package}: pip install 'pinn[{extra}]' ({error})") from error
