"""``manage.py backup FOLDER``: copy database, files and secret key while the server runs."""

import sqlite3
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from runs.store import backup

_MEGABYTE = 1024 * 1024


class Command(BaseCommand):
    """Back an installation on SQLite up. The folder that it makes can be used as RUNNEL_DATA_DIR."""

    help = "Copy the SQLite database, the files and the secret key into a new folder, while the server runs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the folder."""
        parser.add_argument("folder", type=Path, help="a folder that does not exist yet")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Copy, check the copy, and say what is in it.

        Raises:
            CommandError: the database is not SQLite, or something could not be copied.
        """
        if connection.vendor != "sqlite":
            raise CommandError(
                "The database is not SQLite. Use pg_dump for it, and copy the files: "
                "docs/how-to/back-up-and-upgrade.md says how."
            )
        database = Path(str(connection.settings_dict["NAME"]))
        try:
            made = backup.copy_all(database, settings.RUNNEL_DATA_DIR, folder.expanduser().absolute())
        except FileExistsError:
            raise CommandError(f"There is something at {folder} already. Name a new folder.") from None
        except backup.Damaged as damaged:
            raise CommandError(f"The copy is not whole, and was deleted: {damaged}.") from None
        except (OSError, sqlite3.Error) as error:
            raise CommandError(
                f"Nothing was backed up: {error}. The data folder is {settings.RUNNEL_DATA_DIR}: "
                "set RUNNEL_DATA_DIR if Runnel's data is elsewhere."
            ) from None
        files = "no files (they are in a store elsewhere)" if made.files is None else f"{made.files} files"
        self.stdout.write(
            f"Backed up to {folder}: {made.size / _MEGABYTE:.1f} MB of database, checked; {files}."
        )
        if made.missing:
            self.stdout.write(f"{made.missing} files have been missing here before.")
        if made.has_key:
            self.stdout.write("It holds the secret key: keep it as safe as the server.")
        else:
            self.stdout.write("It does not hold SECRET_KEY: keep that elsewhere. Stored keys need it.")
