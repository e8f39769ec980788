"""Sizes and units: what a problem's fields and equations are measured by, so that all are of order one."""
