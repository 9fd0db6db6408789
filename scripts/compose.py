"""Starts the services of ``deploy/compose.yaml`` as plain processes, where no containers can run. ``make compose``.

Each service runs the command and the environment that the file gives it, with the programs that are installed here:
PostgreSQL, Redis and Caddy from Debian's packages, Runnel from .venv. Names of services become addresses on this machine.
What only containers have (users, read-only file systems, limits) is left out. Ctrl-C stops everything, and everything
that was stored is deleted.
"""

import argparse
import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "deploy" / "compose.yaml"
#: Seconds for a service to answer, and to end.
PATIENCE = 300.0
#: The port that each service has in its container.
PORTS = {
    "web1": 8000,
    "web2": 8000,
    "worker1": 8000,
    "worker2": 8000,
    "postgres": 5432,
    "redis": 6379,
    "proxy": 443,
}
#: Services that run Runnel.
WEB, WORKERS = ("web1", "web2"), ("worker1", "worker2")
#: ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?what it is}``.
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return ``text`` with its variables as compose reads them.

    Raises:
        SystemExit: a variable is missing that the file demands.
    """

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if given := variables.get(name):
            return given
        if kind == "?":
            raise SystemExit(f"{name} is missing: {rest}")
        return rest or ""

    return _VARIABLE.sub(value, text)


def services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the services of the file, with its variables filled in."""

    def filled(value: Any) -> Any:
        match value:
            case str():
                return interpolate(value, variables)
            case list():
                return [filled(item) for item in value]
            case dict():
                return {key: filled(item) for key, item in value.items()}
            case _:
                return value

    found: dict[str, dict[str, Any]] = filled(yaml.safe_load(FILE.read_text())["services"])
    return found


class Stack:
    """The services as processes, their ports, and the folder of all that they store."""

    def __init__(self, folder: Path, first_port: int | None = None) -> None:
        self.folder = folder
        free = iter(range(first_port, first_port + len(PORTS))) if first_port else None
        self.ports = {name: next(free) if free else _free_port() for name in PORTS}
        self.url = f"https://localhost:{self.ports['proxy']}/"
        self.variables = os.environ | {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "POSTGRES_PASSWORD": secrets.token_urlsafe(12),
            "SITE_ADDRESS": self.url.rstrip("/"),
            "RUNNEL_METRICS_TOKEN": "metrics",
            "RUNNEL_EMULATOR": "true",
        }
        self.services = services(self.variables)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        # PostgreSQL does not run as root.
        self._is_root = os.geteuid() == 0

    def start(self) -> None:
        """Start the services in the order in which they depend on each other, and wait until each is well.

        Raises:
            SystemExit: a program is not installed, or a service did not come up.
        """
        self._start_postgres()
        self._start_redis()
        for name in WEB:
            self._run(name, [sys.executable, "manage.py", *self.services[name]["command"]], cwd=ROOT)
        for name in WEB:
            self._await(name, lambda name=name: _answers(f"http://127.0.0.1:{self.ports[name]}/readyz"))
        for name in WORKERS:
            self._run(name, [sys.executable, "manage.py", *self.services[name]["command"]], cwd=ROOT)
        for name in WORKERS:
            self._await(name, lambda name=name: _answers(f"http://127.0.0.1:{self.ports[name]}/readyz"))
        self._start_proxy()

    def stop(self) -> None:
        """End all services, those first that use others."""
        for process in reversed(self._processes.values()):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(
                    signal.SIGINT if process is self._processes.get("postgres") else signal.SIGTERM
                )
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def watch(self) -> None:
        """Say which services end, until Ctrl-C. In containers they would be started again."""
        running = dict(self._processes)
        while True:
            time.sleep(0.5)
            for name, process in tuple(running.items()):
                if process.poll() is not None:
                    del running[name]
                    print(
                        f"{name} has ended ({process.returncode}). Its last lines:\n{self.log(name)[-500:]}",
                        flush=True,
                    )

    def log(self, name: str) -> str:
        """Return what a service has printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _start_postgres(self) -> None:
        settings = self.services["postgres"]["environment"]
        data = self.folder / "postgres"
        data.mkdir()
        password = self.folder / "password"
        password.write_text(settings["POSTGRES_PASSWORD"])
        if self._is_root:
            self.folder.chmod(0o711)
            for path in (data, password):
                shutil.chown(path, "postgres", "postgres")
        prepare = [
            _postgres("initdb"),
            "-D",
            str(data),
            "-U",
            settings["POSTGRES_USER"],
            "-A",
            "scram-sha-256",
        ]
        self._once("postgres", [*prepare, f"--pwfile={password}", "--no-sync"])
        command, *options = self.services["postgres"]["command"]
        own = ["-D", str(data), "-p", str(self.ports["postgres"]), "-k", str(data), "-h", "127.0.0.1"]
        self._run("postgres", [_postgres(command), *own, *options], cwd=data)
        account = ["-h", "127.0.0.1", "-p", str(self.ports["postgres"]), "-U", settings["POSTGRES_USER"]]
        self._await("postgres", lambda: _succeeds([_postgres("pg_isready"), *account]))
        environment = os.environ | {"PGPASSWORD": settings["POSTGRES_PASSWORD"]}
        subprocess.run(
            [_postgres("createdb"), *account, settings["POSTGRES_DB"]], check=True, env=environment
        )

    def _start_redis(self) -> None:
        command, *options = self.services["redis"]["command"]
        own = ["--port", str(self.ports["redis"]), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        self._run("redis", [_program(command), *options, *own], cwd=self.folder)
        ping = [_program("redis-cli"), "-p", str(self.ports["redis"]), "ping"]
        self._await("redis", lambda: _succeeds(ping))

    def _start_proxy(self) -> None:
        command, *options = self.services["proxy"]["command"]
        options = [str(FILE.parent / "Caddyfile") if "Caddyfile" in word else word for word in options]
        self._run("proxy", [_program(command), *options], cwd=self.folder)
        self._await("proxy", lambda: _listens(self.ports["proxy"]))

    def _environment(self, name: str) -> dict[str, str]:
        """Return the environment of a service: what the file says, with the addresses of this machine."""
        given = {
            key: self._here(str(value)) for key, value in self.services[name].get("environment", {}).items()
        }
        own = {"RUNNEL_ENV_FILE": os.devnull, "XDG_DATA_HOME": str(self.folder), "HOME": str(self.folder)}
        if name in WEB + WORKERS:
            # What the image sets.
            own |= {"DEBUG": "false", "HOST": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
            own["RUNNEL_DATA_DIR"] = str(self.folder / "data")
            own["PORT" if name in WEB else "RUNNEL_WORKER_PORT"] = str(self.ports[name])
        return {"PATH": os.environ["PATH"]} | given | own

    def _here(self, text: str) -> str:
        for name, inside in PORTS.items():
            text = text.replace(f"{name}:{inside}", f"127.0.0.1:{self.ports[name]}")
        return text

    def _run(self, name: str, command: list[str], *, cwd: Path) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=cwd,
                env=self._environment(name),
                stdout=output,
                stderr=output,
                **self._user(name),
            )

    def _once(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            subprocess.run(
                command, check=True, stdout=output, stderr=output, cwd=self.folder, **self._user(name)
            )

    def _user(self, name: str) -> dict[str, Any]:
        return {"user": "postgres", "group": "postgres"} if name == "postgres" and self._is_root else {}

    def _await(self, name: str, is_well: Any) -> None:
        end = time.monotonic() + PATIENCE
        while not is_well():
            if time.monotonic() > end or self._processes[name].poll() is not None:
                raise SystemExit(f"{name} did not come up:\n{self.log(name)[-3000:]}")
            time.sleep(0.1)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is not installed: apt-get install postgresql redis-server caddy")
    return found


def _postgres(name: str) -> str:
    """Return a program of PostgreSQL, which Debian keeps outside PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else _program(name))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _succeeds(command: list[str]) -> bool:
    return (
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        == 0
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return int(answer.status) == 200
    except (OSError, urllib.error.HTTPError):
        return False


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


@contextlib.contextmanager
def running(first_port: int | None = None) -> Iterator[Stack]:
    """Start all services in a temporary folder; end them and delete it afterwards."""
    with tempfile.TemporaryDirectory(prefix="runnel-compose-") as folder:
        stack = Stack(Path(folder), first_port)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()


def main() -> int:
    """Serve until Ctrl-C."""
    # SIGTERM too, and Ctrl-C also where a shell has started this in the background and lets it be ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    parser = argparse.ArgumentParser(description="Start the compose file's services as plain processes.")
    parser.add_argument("--port", type=int, help="the first of seven ports; by default any free ones")
    print("Starting PostgreSQL, Redis, two servers, two workers and Caddy ...")
    with running(parser.parse_args().port) as stack:
        password = (stack.folder / "data" / "first_password").read_text().strip()
        print(
            f"Runnel is at {stack.url} (its certificate is of its own making). User: admin, password: {password}"
        )
        print("Ctrl-C stops everything and deletes it.")
        with contextlib.suppress(KeyboardInterrupt):
            stack.watch()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
