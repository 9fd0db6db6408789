"""The Django application of this package."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RunsConfig(AppConfig):
    """Conversations, runs, their event log, and access to them."""

    name = "runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the signals that close sockets, forget limits and write the audit log, and import every app's ``tools.py``."""
        from runs.access import audit, rights, shares_in_use, sign_out  # import models, which exist only now
        from runs.engine import elsewhere, supervisor
        from runs.limits import ceilings
        from runs.services import queueing
        from runs.socket import presence

        presence.connect()
        sign_out.connect()
        rights.connect()
        shares_in_use.connect()
        audit.connect()
        ceilings.connect()
        elsewhere.connect()
        supervisor.call_when_free(queueing.begin_next)
        autodiscover_modules("tools")
