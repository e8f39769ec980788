"""Hard constraints, derived from the conditions where a problem has no ansatz, and what helps to write an ansatz."""

from pinn.ansatz.derived import DerivedAnsatz, derive
from pinn.ansatz.transfinite import transfinite

__all__ = ["DerivedAnsatz", "derive", "transfinite"]
