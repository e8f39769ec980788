"""Functionals: what is asked of a solution beside its fields, such as a mean, a force, a largest value."""

from pinn.functionals.balance import Balance
from pinn.functionals.base import Functional, Reading
from pinn.functionals.extrema import Maximum, Minimum
from pinn.functionals.integrals import Average, Flow, Total
from pinn.functionals.places import Probe, Profile

__all__ = ["Average", "Balance", "Flow", "Functional", "Maximum", "Minimum", "Probe", "Profile", "Reading", "Total"]
