#!/usr/bin/env python
"""Django's command line, with the same settings as ``make run``."""

import os
import sys

from django.core.management import execute_from_command_line

from project.environment import Mistake


def main() -> None:
    """Run one command. Only the current user may read the files that it creates."""
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    try:
        execute_from_command_line(sys.argv)
    except Mistake as mistake:
        sys.exit(str(mistake))
    except KeyboardInterrupt:
        # Ctrl-C before the server has started, or in another command: a traceback would not help.
        sys.exit(130)


if __name__ == "__main__":
    main()
