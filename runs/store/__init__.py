"""Stores a run's data outside its event log: status changes, messages, files and titles."""
