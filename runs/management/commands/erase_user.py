"""``manage.py erase_user NAME``: erase what a user wrote and who they were."""

import threading
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.retention import erasing, turn
from runs.retention.pace import Pace


class Command(BaseCommand):
    """Erase a user for ever."""

    help = "Erase all contents of a user and the user's name. What they used stays in the statistics, without a name."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the user name and the options."""
        parser.add_argument("user", help="a user name")
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase the user after a confirmation.

        Raises:
            CommandError: there is no such user, the user has active runs, another process erases a user, or the
                confirmation was not given.
        """
        model = get_user_model()
        try:
            user = model.objects.get_by_natural_key(options["user"])
        except model.DoesNotExist:
            raise CommandError(f"There is no user named {options['user']!r}.") from None
        for kind, count in erasing.counts(user).items():
            self.stdout.write(f"{count:,} {kind}")
        if options["dry_run"]:
            return
        name = user.get_username()
        if not options["yes"] and input(f"Type {name} to erase all of this for ever: ") != name:
            raise CommandError("Nothing was erased.")
        try:
            with turn.take(erasing.TURN) as keep:
                erased = erasing.erase(user, Pace(stop=threading.Event(), before_each=keep))
        except erasing.StillActive:
            raise CommandError(
                f"{name} has active runs. Cancel them, and call this again until it says that {name} is erased."
            ) from None
        except turn.Taken:
            raise CommandError("Another process erases a user now. Try again when it has finished.") from None
        self.stdout.write(f"{name} is erased. The statistics call them {erased}.")
