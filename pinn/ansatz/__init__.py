"""Hard constraints derived from a problem's conditions, where it has no ansatz of its own."""

from pinn.ansatz.derived import DerivedAnsatz, derive

__all__ = ["DerivedAnsatz", "derive"]
