"""Commits an event together with the rows of the files that it links to. The files are in the storage already."""

import asyncio
from collections.abc import Callable, Sequence

from runs.log import agui
from runs.log.journal import Journal
from runs.log.run_log import RunLog
from runs.store import made
from runs.store.made import MadeFile


async def commit_with_files(
    journal: Journal,
    log: RunLog,
    event: agui.Event,
    files: Sequence[MadeFile],
    *,
    owner_id: int,
    also: Callable[[], object] = lambda: None,
) -> None:
    """Commit ``event``, the rows of ``files`` and what ``also`` stores at once. Discard the files if that fails.

    Raises:
        Fenced: another process took the run over, or its log could not be written.
    """

    def store() -> None:
        for file in files:
            made.add_row(file, owner_id=owner_id, run_id=log.run_id)
        also()

    try:
        await journal.commit(log, [event], store)
    except Exception:
        # Not after a cancellation: the commit may go on, and its link must lead somewhere.
        for file in files:
            await asyncio.to_thread(made.discard, file)
        raise
