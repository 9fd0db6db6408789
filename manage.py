#!/usr/bin/env python
"""Django's command line, with the same settings as ``make run``."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from project.environment import Mistake


def main() -> None:
    """Run one command. Only the current user may read the files that it creates."""
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    try:
        execute_from_command_line(sys.argv)
    except Mistake as mistake:
        sys.exit(str(mistake))
    except DatabaseError:
        from project import schema  # imported here, because it takes Django's settings

        if problem := schema.problem():
            sys.exit(f"{problem} {_where()}")
        raise
    except KeyboardInterrupt:
        # Ctrl-C before the server has started, or in another command: a traceback would not help.
        sys.exit(130)


def _where() -> str:
    """Return where the settings and the data of a command come from: a service has others than a shell."""
    file = os.environ.get("RUNNEL_ENV_FILE") or settings.BASE_DIR / ".env"
    return (
        f"Settings come from the environment and from {file}, data from {settings.RUNNEL_DATA_DIR}: "
        "docs/how-to/deploy.md#commands says how to run a command where Runnel is a service."
    )


if __name__ == "__main__":
    main()
