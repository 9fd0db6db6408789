"""Django's handle on this package."""

from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    """Language-model providers and the trace of every call to them."""

    name = "providers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen for changes of what the admin has entered."""
        from providers import clients
        from providers.catalog import cache

        cache.connect()
        clients.connect()
