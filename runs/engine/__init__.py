"""Drives live runs: supervisor, engine, steps, cancellation, recovery."""
