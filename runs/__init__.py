"""Runs: one user turn each, streamed, stopped, resumed, approved and traced. ``docs/architecture.md`` is the map."""
