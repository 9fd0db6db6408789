"""``manage.py prune``: delete what is older than the settings ``RUNNEL_RETENTION_…`` allow."""

import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from runs.engine import lock
from runs.retention import daily, packing, pruning, space, turn
from runs.retention.pace import Pace


class Command(BaseCommand):
    """Prune now. A server does it by itself once a day."""

    help = "Delete what is older than RUNNEL_RETENTION_… allows. Statistics and costs stay."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="only say how much is too old")
        parser.add_argument(
            "--vacuum",
            action="store_true",
            help="then give free space back to the disk; no server may run meanwhile",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune, and say how much was deleted.

        Raises:
            CommandError: another process prunes now, or a server runs and ``--vacuum`` was given.
        """
        if options["vacuum"]:
            self._lock_database()
        if options["dry_run"]:
            self._report(pruning.prune(None), "would be deleted")
            return
        try:
            with turn.take(daily.TURN) as keep:
                pace = Pace(stop=threading.Event(), before_each=keep)
                if packed := packing.pack(pace):
                    self.stdout.write(f"{packed:,} traces of an earlier version were packed.")
                self._report(pruning.prune(pace), "were deleted")
        except turn.Taken:
            raise CommandError("Another process prunes now. Try again when it has finished.") from None
        if options["vacuum"]:
            space.vacuum()
        self._advise()

    def _lock_database(self) -> None:
        try:
            lock.hold_database()
        except lock.AlreadyRunning:
            raise CommandError("A server uses this database. Stop it before --vacuum.") from None

    def _report(self, found: list[pruning.Pruned], what: str) -> None:
        if not found:
            self.stdout.write(
                "Nothing is ever too old: RUNNEL_UPLOAD_HOURS and every RUNNEL_RETENTION_… are off."
            )
        for each in found:
            self.stdout.write(f"{each.count:,} {each.kind} {what}.")

    def _advise(self) -> None:
        free = space.reclaimable_bytes()
        if connection.vendor == "postgresql":
            self.stdout.write(
                f"About {free:,} bytes are in deleted rows. PostgreSQL uses them again by itself; --vacuum gives them "
                "back to the disk, and blocks everybody meanwhile."
            )
            return
        self.stdout.write(
            f"{free:,} bytes of the database file are free, and used again by itself. To give them back to the disk, "
            "stop the server and run `manage.py prune --vacuum`, which needs as much free disk as the data has."
        )
