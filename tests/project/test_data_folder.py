"""The data folder: closed to others, unless it holds what is somebody else's."""

from pathlib import Path

import pytest

from project import data_folder


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def test_it_makes_a_folder_for_its_owner_alone_with_those_above_it(tmp_path: Path):
    folder = tmp_path / "some" / "where"

    data_folder.prepare(folder)

    assert mode(folder) == 0o700
    assert not data_folder.is_open_to_others(folder)


@pytest.mark.parametrize("holds", [(), ("runnel.sqlite3", "runnel.sqlite3-wal", "secret_key", "server.lock")])
def test_it_closes_an_open_folder_that_is_runnels_own(tmp_path: Path, holds: tuple[str, ...]):
    tmp_path.chmod(0o755)
    for name in holds:
        (tmp_path / name).touch()

    data_folder.prepare(tmp_path)

    assert mode(tmp_path) == 0o700


def test_it_leaves_a_folder_that_holds_somebody_elses_files_as_it_is(tmp_path: Path):
    tmp_path.chmod(0o755)
    (tmp_path / "letters").touch()

    data_folder.prepare(tmp_path)

    assert mode(tmp_path) == 0o755
    assert data_folder.is_open_to_others(tmp_path)


def test_it_refuses_what_is_no_folder(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match="File exists"):
        data_folder.prepare(tmp_path / "file")
