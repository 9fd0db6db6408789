"""Installs a requirements file with pip and shows the package that pip fetches or installs.

pip prints several lines per package while it downloads. Older versions print nothing while they install,
which takes longer. This script uses the standard library only, because nothing else is installed yet.
"""

import re
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

#: The first line that pip prints per package: "Collecting django==6.1.3 (from …)", or the path of a wheel.
_BEGINS = re.compile(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)")
#: Seconds between two checks for installed packages.
_INTERVAL = 0.5

_COMMAND = ("-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off", "--no-input")


class Progress:
    """Counts packages: one line each, or one line that is overwritten on a terminal."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._is_terminal = sys.stdout.isatty()

    def show(self, number: int, text: str) -> None:
        """Print ``text`` as the progress of package ``number``."""
        line = f"  {number}/{self.total} {text}"
        if self._is_terminal:
            print(f"\r\033[K{line}", end="", flush=True)
        else:
            print(line, flush=True)

    def end(self) -> None:
        """Clear the line that is overwritten."""
        if self._is_terminal:
            print("\r\033[K", end="", flush=True)


def main(requirements: str) -> int:
    """Run pip and return its exit status."""
    pinned = re.findall(r"^[A-Za-z0-9][^\s;]*==", Path(requirements).read_text(), re.MULTILINE)
    progress = Progress(len(pinned))
    done = threading.Event()
    before = _records()
    # Python compiles a module at its first import. pip would compile all, and most are never imported.
    command = [sys.executable, "-u", *_COMMAND, "--no-compile", "--require-hashes", "-r", requirements]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as pip:
        assert pip.stdout is not None  # noqa: S101 - for the type checker
        watcher: threading.Thread | None = None
        fetched = 0
        for line in pip.stdout:
            if line.startswith("Ignoring "):
                progress.total -= 1
            elif begun := _BEGINS.match(line):
                fetched += 1
                progress.show(fetched, f"fetching {_name(begun[1])}")
            elif line.startswith("Installing collected packages"):
                watcher = threading.Thread(target=_watch, args=(progress, before, done))
                watcher.start()
        status = pip.wait()
    done.set()
    if watcher is not None:
        watcher.join()
    progress.end()
    return status


def _name(argument: str) -> str:
    """Return the package's name from a requirement or from the path of a wheel."""
    return re.split(r"==|-\d", argument.rpartition("/")[2])[0].replace("_", "-").lower()


def _watch(progress: Progress, before: set[Path], done: threading.Event) -> None:
    """Show each newly installed package, that is, each record not in ``before``, until ``done`` is set."""
    seen = set(before)
    number = 0
    while True:
        is_last = done.wait(_INTERVAL)
        for record in sorted(_records() - seen):
            seen.add(record)
            number += 1
            progress.show(number, f"installed {_name(record.parent.name)}")
        if is_last:
            return


def _records() -> set[Path]:
    """Return the RECORD file of each installed package. pip writes it last, so the package is complete."""
    folders = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    return {record for folder in folders for record in folder.glob("*.dist-info/RECORD")}


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
