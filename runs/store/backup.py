"""Copies an installation on SQLite into a folder, while a server runs. The folder can be used as a data folder.

A file is stored before its row and deleted after it. So the files are copied first, then the database, then the
files that have come meanwhile: each row of the copy has its file.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.core.files.storage import FileSystemStorage

from runs.models import File
from runs.models.file import storage

DATABASE = "runnel.sqlite3"
FILES = "files"
KEY = "secret_key"


class Damaged(Exception):  # noqa: N818 - it names what happened
    """The copy of the database is not whole. The message says what SQLite found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """What was copied."""

    #: Bytes of the database.
    size: int
    #: How many uploaded files; ``None`` if they are in a store elsewhere.
    files: int | None
    #: How many rows have no file, because it was missing before.
    missing: int
    has_key: bool


def copy_all(database: Path, folder: Path, target: Path) -> Backup:
    """Copy the SQLite file ``database``, and files and key of the data folder ``folder``, into the new ``target``.

    Raises:
        FileExistsError: there is something at ``target``.
        Damaged: the copy is not whole.
        OSError: something could not be read or written.
        sqlite3.Error: the database could not be read.
    """
    if target.exists():
        raise FileExistsError(target)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.mkdir(mode=0o700, parents=True)
    try:
        made = _copy(database, folder, draft)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return made


def _copy(database: Path, folder: Path, draft: Path) -> Backup:
    place = storage()
    is_local = isinstance(place, FileSystemStorage)
    source = Path(place.location) if isinstance(place, FileSystemStorage) else folder
    if is_local:
        _copy_files(source, draft / FILES)
    size = copy_database(database, draft / DATABASE)
    missing = 0
    if is_local:
        _copy_files(source, draft / FILES)
        missing = sum(not (draft / FILES / name).exists() for name in _names(draft / DATABASE))
    key = folder / KEY
    if key.exists():
        shutil.copy2(key, draft / KEY)
    return Backup(
        size=size,
        files=len(list((draft / FILES).iterdir())) if is_local else None,
        missing=missing,
        has_key=key.exists(),
    )


def _copy_files(source: Path, target: Path) -> None:
    """Copy the files that ``target`` has not. A stored file never changes."""
    target.mkdir(mode=0o700, exist_ok=True)
    known = {entry.name for entry in target.iterdir()}
    for entry in sorted(source.iterdir()) if source.exists() else ():
        if entry.name not in known and entry.is_file():
            try:
                shutil.copy2(entry, target / entry.name)
            except FileNotFoundError:
                # It was deleted meanwhile, and so was its row.
                continue


def copy_database(database: Path, target: Path) -> int:
    """Copy a SQLite database that others may write meanwhile, and check the copy. Return its bytes.

    Raises:
        Damaged: the copy is not whole.
        sqlite3.Error: the database could not be read.
    """
    with (
        closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        # In one go: writers go on meanwhile, and the copy is of one moment.
        source.backup(copy, pages=-1)
        found = [row[0] for row in copy.execute("PRAGMA integrity_check")]
        if found != ["ok"]:
            raise Damaged("; ".join(found[:5]))
        if orphans := copy.execute("PRAGMA foreign_key_check").fetchall():
            raise Damaged(f"{len(orphans)} rows refer to rows that are not there")
        # One file, without a log beside it that somebody could forget.
        copy.execute("PRAGMA journal_mode=DELETE")
    target.chmod(0o600)
    return target.stat().st_size


def _names(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as copy:
        return [row[0] for row in copy.execute(f"SELECT content FROM {File._meta.db_table}")]  # noqa: S608
