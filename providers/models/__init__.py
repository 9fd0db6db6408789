"""The database tables of providers: those from the admin, and the traces of provider calls."""

from providers.models.provider import Provider
from providers.models.trace import ProviderTrace, TracePiece

__all__ = ["Provider", "ProviderTrace", "TracePiece"]
