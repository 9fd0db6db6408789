"""Stores the files that tools made, and commits an answer together with their rows."""

import asyncio
import logging
from dataclasses import replace
from functools import partial

from django.conf import settings

from concurrency.threads import readers
from runs.calls import records
from runs.calls.outcomes import CallOutcome
from runs.engine.file_commits import commit_with_files
from runs.log import agui
from runs.log.journal import Journal
from runs.log.run_log import RunLog
from runs.store import files as stored_files
from runs.store import made
from runs.store.made import MadeFile
from runs.toolbox.tool import ToolFile

logger = logging.getLogger("runnel.engine")

#: Files of one answer that are kept.
_MOST_FILES = 50


async def commit_answer(journal: Journal, log: RunLog, outcome: CallOutcome, *, owner_id: int) -> None:
    """Store the files in a call's answer; commit its event, its row and theirs at once. Raises ``Fenced``."""
    files: list[MadeFile] = []
    notes: list[str] = []
    if outcome.produced:
        room = await readers.run(stored_files.room, owner_id)
        files, notes = await asyncio.to_thread(_save, outcome.produced, room)
    content = "\n".join([outcome.content, *notes]) if notes else outcome.content
    told = replace(outcome, content=content, produced=(), files=tuple(file.shown() for file in files))

    await commit_with_files(
        journal, log, agui.tool_result(told), files, owner_id=owner_id, also=partial(records.answer, told)
    )


def _save(produced: tuple[ToolFile, ...], room: int) -> tuple[list[MadeFile], list[str]]:
    """Write the files to the storage; return them, and a note for each kind of file that is not kept. Blocks.

    ``room`` is how many bytes of files their owner may still store.
    """
    files: list[MadeFile] = []
    notes: dict[str, None] = {}
    for file in produced:
        if len(files) >= _MOST_FILES:
            notes[f"[Only the first {_MOST_FILES} files are kept.]"] = None
        elif len(file.content) > settings.RUNNEL_UPLOAD_MB * 1024 * 1024:
            notes[f"[A file of more than {settings.RUNNEL_UPLOAD_MB} MB is not kept.]"] = None
        elif len(file.content) > room:
            notes[made.NO_ROOM] = None
        else:
            room -= len(file.content)
            try:
                files.append(made.save_content(file.content, mime_type=file.mime_type, name=file.name))
            except Exception:
                # A full storage, or content that is no bytes; the tool was executed all the same.
                logger.exception("a tool's file could not be stored")
                notes["[A file could not be stored.]"] = None
    return files, list(notes)
