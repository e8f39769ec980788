"""The command `pinn`. Only this package knows Hydra."""

from pinn.cli.command import main

__all__ = ["main"]
