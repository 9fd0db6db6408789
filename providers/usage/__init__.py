"""Counts, estimates and prices the usage of provider calls."""
