"""The admin's pages about providers: those that are entered here, and the traces of every call."""

from providers.admin import entered, traces

__all__ = ["entered", "traces"]
