"""The admin pages for providers and for the traces of their calls."""

from providers.admin import entered, traces

__all__ = ["entered", "traces"]
