"""Linear algebra of the least-squares steps."""
