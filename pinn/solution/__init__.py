"""The solution of a problem: evaluated anywhere, measured, saved and loaded."""

from pinn.solution.loading import load
from pinn.solution.output import Output
from pinn.solution.solution import Solution

__all__ = ["Output", "Solution", "load"]
