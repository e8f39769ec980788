"""Problems: one file each, the equation with its domain, conditions and reference."""

from pinn.problems.burgers import Burgers

__all__ = ["Burgers"]
