"""``manage.py migrate``: Django's, one process at a time."""

from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections

from concurrency import migration_lock


class Command(MigrateCommand):
    """Apply migrations, after waiting for another process that does."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate while this process holds the lock; what another process has applied by then is done."""
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        with migration_lock.held(
            connections[options["database"]], settings.RUNNEL_DATA_DIR, on_wait=self._tell
        ):
            super().handle(*args, **options)

    def _tell(self) -> None:
        self.stderr.write("Another process is updating the database. Waiting for it ...")
