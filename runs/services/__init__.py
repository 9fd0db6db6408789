"""The only doors through which a run changes: start, cancel, resolve."""
