from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from project.secret_key import load_or_create


def test_it_makes_a_key_once_and_keeps_it(tmp_path: Path):
    path = tmp_path / "secret_key"

    key = load_or_create(path)

    assert len(key) >= 50
    assert load_or_create(path) == key


def test_it_lets_only_the_owner_read_the_key(tmp_path: Path):
    path = tmp_path / "secret_key"

    load_or_create(path)

    assert path.stat().st_mode & 0o777 == 0o600


def test_it_gives_all_that_start_together_the_same_key_and_leaves_no_draft(tmp_path: Path):
    path = tmp_path / "secret_key"

    with ThreadPoolExecutor(32) as pool:
        keys = set(pool.map(lambda _: load_or_create(path), range(64)))

    assert len(keys) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_it_refuses_an_empty_key(tmp_path: Path):
    path = tmp_path / "secret_key"
    path.touch()

    with pytest.raises(ValueError, match="is empty"):
        load_or_create(path)
