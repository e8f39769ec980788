"""Several processes that share the rows of one least-squares problem."""
