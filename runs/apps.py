"""Django's handle on this package."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RunsConfig(AppConfig):
    """Conversations, runs, their event log and who may see them."""

    name = "runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen for what ends the right to an open socket, and import every app's ``tools.py``."""
        from runs.access import sign_out  # it needs the models

        sign_out.connect()
        autodiscover_modules("tools")
