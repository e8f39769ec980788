"""Trial functions: a network made into the fields of a problem, whole or in windows of time."""
