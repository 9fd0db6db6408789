"""``manage.py serve``: migrate, make the first admin, serve. What ``make run`` calls."""

import os
import secrets
import threading
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from providers import clients
from runs import lock


class Command(BaseCommand):
    """Serve on HOST and PORT in the foreground."""

    help = "Migrate, make the first admin if there is no user, and serve HTTP and WebSocket with Daphne."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen; the environment has the defaults."""
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare and serve until SIGTERM or Ctrl-C."""
        # The SDKs take two seconds to import: meanwhile the database is made ready.
        imports = threading.Thread(target=clients.preload, daemon=True)
        imports.start()
        if connection.vendor == "sqlite":
            self._take_the_data_folder()
        call_command("migrate", verbosity=0, interactive=False)
        if not settings.DEBUG:
            call_command("collectstatic", verbosity=0, interactive=False)
        self._make_the_first_admin()
        connection.close()
        imports.join()

        from project.asgi import application  # it needs the tables

        host, port = options["host"], options["port"]
        shown = f"[{host}]" if ":" in host else host
        self.stdout.write(f"Runnel is at http://{shown}:{port}/  (Ctrl-C stops it)")
        if settings.DEBUG and host not in {"127.0.0.1", "localhost", "::1"}:
            self.stderr.write("DEBUG is on and this address can be reached by others: set DEBUG=false.")
        self.stdout.flush()
        server = Server(
            application=application,
            endpoints=build_endpoint_description_strings(host=host, port=port),
            server_name="runnel",
        )
        server.run()
        if server.abort_start:
            raise CommandError(f"Port {port} of {host} is taken. Set PORT to another one.")

    def _take_the_data_folder(self) -> None:
        try:
            lock.hold(settings.RUNNEL_DATA_DIR)
        except lock.AlreadyRunning:
            raise CommandError(
                f"Another Runnel uses {settings.RUNNEL_DATA_DIR}. Stop it, or set RUNNEL_DATA_DIR."
            ) from None

    def _make_the_first_admin(self) -> None:
        model = get_user_model()
        if model.objects.exists():
            return
        password = secrets.token_urlsafe(12)
        model.objects.create_superuser("admin", password=password)
        self.stdout.write(
            "There was no user, so here is the first one. Change the password after signing in."
        )
        self.stdout.write("User: admin")
        self.stdout.write(f"Password: {password}")
