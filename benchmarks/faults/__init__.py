"""Breaks a whole installation on purpose, by a seed, and prints what its users would have noticed.

Run it with ``python -m benchmarks.faults``. It starts two web processes and two workers on PostgreSQL and Redis, or, with
``--one``, one process on SQLite that executes its runs. Each part takes a number; 0 leaves it out.
"""
