"""``manage.py serve``: migrate the database, make the first admin, serve with Daphne or uvicorn. ``make run`` calls it.

The command locks the data folder and reserves the port before it makes a password, so that a failed start
prints no password. It prints the address only when the server accepts connections.
"""

import secrets
import signal
from collections.abc import Callable, Iterator
from socket import socket
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from concurrency import migration_lock
from project import data_folder, environment, listening, memory, shutdown_signals
from runs.engine import lock, supervisor
from runs.management.live_runs import print_live_runs


class Command(BaseCommand):
    """Serve on HOST and PORT in the foreground."""

    #: How to sign in, told after the address; empty unless this start has made the first user.
    _first_steps = ""

    help = "Migrate, make the first admin if there is no user, and serve HTTP and WebSocket."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare host and port; the defaults come from the environment."""
        parser.add_argument("--host", default=environment.text("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=environment.whole("PORT", 8000, at_most=65535))

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare and serve until SIGTERM or Ctrl-C.

        Raises:
            CommandError: the data folder or the port is in use, or the database cannot be used.
        """
        try:
            lock.hold_database()
        except lock.AlreadyRunning as running:
            raise CommandError(str(running)) from None
        memory.keep_large_objects_apart()
        shutdown_signals.stop_at_hangup()
        host = options["host"]
        try:
            reserved = listening.reserve(host, options["port"])
            self._prepare()
        except listening.Unavailable as unavailable:
            raise CommandError(str(unavailable)) from None
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}") from None
        self._serve(host, reserved)

    def _prepare(self) -> None:
        """Migrate the database, collect the static files and make the first admin, as far as necessary.

        Servers that start together do this one after the other.
        """
        with migration_lock.held(connection, settings.RUNNEL_DATA_DIR, on_wait=self._print_waiting):
            self._migrate()
            if not settings.DEBUG:
                call_command("collectstatic", verbosity=0, interactive=False)
            self._first_steps = self._make_first_admin()
        connection.close()

    def _print_waiting(self) -> None:
        self.stdout.write("Another server is updating the database. Waiting for it ...")
        self.stdout.flush()

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        # Skipped if there is nothing to apply: `migrate` would still check all models and permissions.
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            if executor.loader.applied_migrations:
                self.stdout.write("Updating the database. With large event logs this takes minutes ...")
                self.stdout.flush()
            call_command("migrate", verbosity=0, interactive=False)

    def _make_first_admin(self) -> str:
        """Make the first user if there is none. Return how to sign in, in a few words; empty if somebody can already."""
        model = get_user_model()
        if model.objects.exists():
            return ""
        password = secrets.token_urlsafe(12)
        model.objects.create_superuser("admin", password=password)
        kept = settings.RUNNEL_DATA_DIR / "first_password"
        data_folder.write_private(kept, f"{password}\n")
        self.stdout.write(
            "There was no user, so here is the first one. Change the password after signing in, and delete its file."
        )
        self.stdout.write("User: admin")
        # What is no terminal may be a log, which others read and which stays.
        self.stdout.write(f"Password: {password if self.stdout.isatty() else 'see the file'}")
        self.stdout.write(f"File: {kept}")
        # With https demanded, nobody can sign in at the address that is printed.
        where = "the site's https address" if settings.SECURE_SSL_REDIRECT else "it"
        place = "above" if self.stdout.isatty() else "in the file"
        return f"Open {where} in a browser and sign in as admin; the password is {place}."

    def _serve(self, host: str, reserved: socket) -> None:
        from project.asgi import application  # imported here, because it needs the database tables
        from project.server import bounds

        port = reserved.getsockname()[1]
        hints = list(_hints(reserved))

        def announce() -> None:
            self.stdout.write(f"Runnel is at {listening.url(host, port)}  (Ctrl-C stops it)")
            if self._first_steps:
                self.stdout.write(self._first_steps)
            self.stdout.flush()
            for hint in hints:
                self.stderr.write(hint)

        serve = _serve_with_uvicorn if settings.RUNNEL_SERVER == "uvicorn" else _serve_with_daphne
        serve(
            application,
            reserved=reserved,
            bounds=bounds.from_settings(),
            ready=announce,
            stopping=lambda: print_live_runs(self.stdout),
        )
        self.stdout.write("Stopped.")


def _serve_with_daphne(application: Any, *, stopping: Callable[[], None], **options: Any) -> None:
    from twisted.internet import reactor  # imported here, after Daphne has installed its reactor

    from project.server.server import Server

    server = Server(application, **options)
    running: Any = reactor
    running.addSystemEventTrigger("before", "shutdown", stopping)
    running.addSystemEventTrigger("before", "shutdown", _skip_drain_at_next_signal, running)
    server.run()


def _serve_with_uvicorn(application: Any, **options: Any) -> None:
    from project.server.on_uvicorn import Server

    Server(application, **options).run()


def _skip_drain_at_next_signal(reactor: Any) -> None:
    """Make the next SIGINT or SIGTERM end the wait for live runs."""

    def skip_drain(*_: object) -> None:
        # The supervisor belongs to the event loop, so it may only be used there.
        reactor.callFromThread(lambda: supervisor.current().skip_drain_wait())

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, skip_drain)


def _hints(reserved: socket) -> Iterator[str]:
    """Yield warnings about settings that do not suit the address, or that are unsafe."""
    if settings.DEBUG and listening.is_for_others(reserved):
        yield "DEBUG is on and this address can be reached by others: set DEBUG=false."
    if listening.is_everywhere(reserved) and not environment.text("ALLOWED_HOSTS"):
        yield "Only this machine's own names are answered: set ALLOWED_HOSTS to the names that others use."
    if settings.SECURE_SSL_REDIRECT and settings.SECURE_PROXY_SSL_HEADER is None:
        yield (
            "Every request is redirected to https, which this server does not speak: put a TLS proxy before it "
            "and set RUNNEL_BEHIND_PROXY=true, or set SECURE_SSL_REDIRECT=false. docs/how-to/deploy.md shows how."
        )
    if (
        settings.RUNNEL_SERVER == "uvicorn"
        and not settings.RUNNEL_BEHIND_PROXY
        and listening.is_for_others(reserved)
    ):
        yield (
            "uvicorn leaves the time for a request's head and the connections of one address to a proxy: put one before "
            "it and set RUNNEL_BEHIND_PROXY=true, or leave RUNNEL_SERVER at daphne. docs/how-to/deploy.md shows how."
        )
    if data_folder.is_open_to_others(settings.RUNNEL_DATA_DIR):
        yield (
            f"{settings.RUNNEL_DATA_DIR} is open to others, and conversations and keys lie in it: "
            "`chmod 700` it, or set RUNNEL_DATA_DIR to a folder of its own."
        )
