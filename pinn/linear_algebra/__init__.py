"""Dense linear algebra of the least-squares steps."""

from pinn.linear_algebra.symmetric import gram

__all__ = ["gram"]
