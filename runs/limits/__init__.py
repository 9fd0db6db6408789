"""What one user may use: ceilings by setting and by group, and the rates that are counted in memory."""

from runs.limits.ceilings import Ceilings, cached, of, of_user

__all__ = ["Ceilings", "cached", "of", "of_user"]
