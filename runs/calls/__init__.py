"""Function calls: planned, decided, executed, answered."""
