"""Sweeps: jobs that are isolated from each other, skipped where finished, and summed up."""
