"""Runs: one user turn each, streamed, stoppable, resumable, and kept.

Commands go down (``consumers`` → ``services`` → ``supervisor`` → ``engine``), events come up
(``engine`` → ``journal`` → ``feed`` → ``consumers``).
"""
