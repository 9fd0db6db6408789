"""A disk of the database's own that becomes full."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from benchmarks.faults.installation import installed
from benchmarks.faults.outages import full_disks
from benchmarks.server import free_port, providers_at
from emulator import Emulator

#: Megabytes of the disk: PostgreSQL's log alone takes some tens.
SIZE = {True: 80, False: 400}


def disks(number: int, settings: Mapping[str, str], is_one: bool) -> None:
    """Fill the disk of the database ``number`` times for each length. It needs the right to mount one in memory."""
    with _small_disk(SIZE[is_one]) as disk:
        if disk is None:
            print("8  disk full: left out; a small disk can be mounted by root only")
            return
        port = free_port()
        settings = {**settings, **providers_at(f"http://127.0.0.1:{port}")}
        # PostgreSQL's files go where temporary ones are.
        with mock.patch.object(tempfile, "tempdir", str(disk)), installed(settings, is_one=is_one) as here:

            async def fill() -> None:
                upstream = await Emulator.start(port=port)
                await full_disks(here, number, disk)
                await upstream.close()

            asyncio.run(fill())


@contextmanager
def _small_disk(megabytes: int) -> Iterator[Path | None]:
    """Yield a folder in memory that takes so much; ``None`` if it may not be made."""
    with tempfile.TemporaryDirectory(prefix="runnel-disk-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "runnel", folder]
        if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            # Lazily: some process may have a file open there for a moment more.
            subprocess.run(["umount", "--lazy", folder], check=True)
