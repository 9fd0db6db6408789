"""Whether the database has the tables that this code was written for, and takes all that people write."""

from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader

from concurrency import migration_lock

#: What ``problem`` says while another process migrates.
BEING_UPDATED = "Another process is updating the database."


def problem() -> str:
    """Return a sentence if this process may not serve the database, nothing if it may. Reads the database.

    Raises:
        DatabaseError: the database answered with an error other than that it cannot be used now.
    """
    try:
        loader = MigrationLoader(connection)
    except OperationalError:
        connection.close()
        return "The database cannot be reached."
    if (encoding := _encoding()) not in {"", "UTF8"}:
        return (
            f"The database's encoding is {encoding}, in which not everything can be saved that people and models write: "
            "make it anew with `createdb --encoding=UTF8 --template=template0`."
        )
    applied = set(loader.applied_migrations)
    missing = sorted(set(loader.graph.nodes) - applied)
    # Migrations that a squashed one replaces are known to it alone.
    replaced = {name for migration in loader.disk_migrations.values() for name in migration.replaces}
    unknown = sorted(
        key for key in applied - set(loader.disk_migrations) - replaced if key[0] in loader.migrated_apps
    )
    if missing and migration_lock.is_held(connection):
        return BEING_UPDATED
    if missing:
        return (
            f"The database lacks {len(missing)} migrations, from {_name(missing[0])} on: "
            "run `manage.py migrate`, or start a server with `manage.py serve`."
        )
    if unknown and not settings.RUNNEL_NEWER_DATABASE:
        return (
            f"A newer version of Runnel has migrated the database: {_name(unknown[0])} is unknown here. "
            "Start that version, or set RUNNEL_NEWER_DATABASE=true to go back by one version."
        )
    return ""


def _encoding() -> str:
    """Return the encoding of a database on PostgreSQL, as PostgreSQL calls it; nothing for others."""
    link: Any = connection.connection
    return str(link.info.parameter_status("server_encoding")) if connection.vendor == "postgresql" else ""


def _name(migration: tuple[str, str]) -> str:
    return ".".join(migration)
