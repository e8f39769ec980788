"""Hard constraints, derived from the conditions where a problem has no ansatz, and what helps to write an ansatz."""

from pinn.ansatz.box import transfinite
from pinn.ansatz.from_conditions import DerivedAnsatz, derive

__all__ = ["DerivedAnsatz", "derive", "transfinite"]
