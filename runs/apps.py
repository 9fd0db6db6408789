"""Django's handle on this package."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    """Conversations, runs, their event log and who may see them."""

    name = "runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen for what ends the right to an open socket."""
        from runs import signals  # it needs the models

        signals.connect()
