"""``manage.py serve``: migrate, make the first admin, serve. What ``make run`` calls.

In an order that promises nothing in vain: the data folder and the port are ours before a password is
made, and the address is told when it can be opened.
"""

import secrets
import signal
from collections.abc import Iterator
from socket import socket
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from project import data_folder, environment, listening
from runs.engine import cancellation, lock, supervisor


class Command(BaseCommand):
    """Serve on HOST and PORT in the foreground."""

    help = "Migrate, make the first admin if there is no user, and serve HTTP and WebSocket with Daphne."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen; the environment has the defaults."""
        parser.add_argument("--host", default=environment.text("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=environment.whole("PORT", 8000, at_most=65535))

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare and serve until SIGTERM or Ctrl-C."""
        if connection.vendor == "sqlite":
            self._take_the_data_folder()
        host = options["host"]
        try:
            reserved = listening.reserve(host, options["port"])
            self._prepare()
        except listening.Unavailable as unavailable:
            raise CommandError(str(unavailable)) from None
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}") from None
        self._serve(host, reserved)

    def _take_the_data_folder(self) -> None:
        try:
            lock.hold(settings.RUNNEL_DATA_DIR)
        except lock.AlreadyRunning:
            raise CommandError(
                f"Another Runnel uses {settings.RUNNEL_DATA_DIR}. Stop it, or set RUNNEL_DATA_DIR."
            ) from None

    def _prepare(self) -> None:
        """Bring the database and the static files to what this version needs."""
        executor = MigrationExecutor(connection)
        # Even with nothing to apply, `migrate` looks through all models and permissions.
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)
        if not settings.DEBUG:
            call_command("collectstatic", verbosity=0, interactive=False)
        self._make_the_first_admin()
        connection.close()

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

    def _serve(self, host: str, reserved: socket) -> None:
        from twisted.internet import reactor  # Daphne has installed its own by now

        from project.asgi import application  # it needs the tables

        address, port = reserved.getsockname()[:2]
        hints = list(_hints(reserved))

        def announce() -> None:
            self.stdout.write(f"Runnel is at {listening.url(host, port)}  (Ctrl-C stops it)")
            self.stdout.flush()
            for hint in hints:
                self.stderr.write(hint)

        server = Server(
            application=application,
            endpoints=build_endpoint_description_strings(host=address, port=port),
            ready_callable=announce,
            server_name="runnel",
        )
        running: Any = reactor
        running.addSystemEventTrigger("before", "shutdown", self._say_what_is_waited_for)
        running.addSystemEventTrigger("before", "shutdown", _skip_drain_on_second_signal, running)
        # Twisted binds the same address in the next moment.
        reserved.close()
        server.run()
        if server.abort_start:
            raise CommandError(f"Port {port} of {host} is taken. Set PORT to another one.")
        self.stdout.write("Stopped.")

    def _say_what_is_waited_for(self) -> None:
        if live := len(cancellation.live()):
            answers = "1 answer has" if live == 1 else f"{live} answers have"
            seconds = f"{settings.RUNNEL_DRAIN_SECONDS:g} s"
            self.stdout.write(f"Stopping: {answers} {seconds} to end (Ctrl-C again: none) ...")
            self.stdout.flush()


def _skip_drain_on_second_signal(reactor: Any) -> None:
    """Wait for no answer any more when somebody sends another signal to stop."""

    def skip_drain(*_: object) -> None:
        # On the loop, whose supervisor it is.
        reactor.callFromThread(lambda: supervisor.current().skip_drain_wait())

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, skip_drain)


def _hints(reserved: socket) -> Iterator[str]:
    """Yield what whoever started this would find out the hard way."""
    if settings.DEBUG and listening.is_for_others(reserved):
        yield "DEBUG is on and this address can be reached by others: set DEBUG=false."
    if listening.is_everywhere(reserved) and not environment.text("ALLOWED_HOSTS"):
        yield "Only this machine's own names are answered: set ALLOWED_HOSTS to the names that others use."
    if settings.SECURE_SSL_REDIRECT and settings.SECURE_PROXY_SSL_HEADER is None:
        yield (
            "Every request is redirected to https, which this server does not speak: put a TLS proxy before it "
            "and set RUNNEL_BEHIND_PROXY=true, or set SECURE_SSL_REDIRECT=false. README.md shows how."
        )
    if data_folder.is_open_to_others(settings.RUNNEL_DATA_DIR):
        yield (
            f"{settings.RUNNEL_DATA_DIR} is open to others, and conversations and keys lie in it: "
            "`chmod 700` it, or set RUNNEL_DATA_DIR to a folder of its own."
        )
