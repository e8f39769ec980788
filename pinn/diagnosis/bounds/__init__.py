"""Guaranteed bounds of a solution's error, from the stability that a problem declares."""
