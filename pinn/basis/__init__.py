"""What everything stands on: errors, the log, arguments by name, objects that remember how they were built."""
