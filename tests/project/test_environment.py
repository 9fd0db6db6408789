"""What is set from outside: read strictly, refused in one sentence."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from project import environment
from project.environment import Mistake

ROOT = Path(__file__).resolve().parents[2]
NAME = "RUNNEL_TRIED_HERE"


@pytest.mark.parametrize(
    ("given", "read", "expected"),
    [
        (" a , b,, c ", lambda: environment.words(NAME), ["a", "b", "c"]),
        ("", lambda: environment.words(NAME), []),
        ("", lambda: environment.words(NAME, "a,b"), ["a", "b"]),
        (" None ", lambda: environment.words(NAME, "a,b"), []),
        ("none, c", lambda: environment.words(NAME, "a,b"), ["none", "c"]),
        ("none", lambda: environment.words(NAME), ["none"]),
        ("off", lambda: environment.boolean(NAME, True), False),
        ("", lambda: environment.boolean(NAME, True), True),
        ("0.5", lambda: environment.number(NAME, 3.0), 0.5),
        ("  ", lambda: environment.number(NAME, 3.0), 3.0),
        ("0", lambda: environment.whole(NAME, 8000, at_most=65535), 0),
        ("", lambda: environment.text(NAME, "default"), "default"),
        ("", lambda: environment.database(NAME), None),
        ("", lambda: environment.redis_address(NAME), ""),
        (" unix:///run/redis?db=1 ", lambda: environment.redis_address(NAME), "unix:///run/redis?db=1"),
        ("", lambda: environment.days(NAME), None),
        (" ", lambda: environment.days(NAME, 7), timedelta(days=7)),
        ("30", lambda: environment.days(NAME), timedelta(days=30)),
        (" Off ", lambda: environment.days(NAME, 7), None),
    ],
)
def test_it_reads_what_is_set_and_takes_nothing_for_not_set(
    monkeypatch: pytest.MonkeyPatch, given: str, read: Callable[[], Any], expected: Any
):
    monkeypatch.setenv(NAME, given)

    assert read() == expected


@pytest.mark.parametrize(
    ("given", "read", "sentence"),
    [
        (
            "secret@localhost:6379",
            lambda: environment.redis_address(NAME),
            "takes the address of a Redis, as redis://host:6379/0, rediss://… with TLS, or unix://….",
        ),
        ("maybe", lambda: environment.boolean(NAME, True), "takes true or false, not 'maybe'."),
        ("soon", lambda: environment.number(NAME, 1.0), "takes a number, 0 or more, not 'soon'."),
        ("nan", lambda: environment.number(NAME, 1.0), "takes a number, 0 or more, not 'nan'."),
        ("0", lambda: environment.number(NAME, 1.0, at_least=0.01), "takes a number, 0.01 or more, not '0'."),
        ("1.5", lambda: environment.whole(NAME, 1), "takes a whole number, 0 or more, not '1.5'."),
        (
            "65536",
            lambda: environment.whole(NAME, 1, at_most=65535),
            "takes a whole number, 0 to 65535, not '65536'.",
        ),
        ("0", lambda: environment.days(NAME), "takes off, or a whole number of days above 0, not '0'."),
        (
            "never",
            lambda: environment.days(NAME),
            "takes off, or a whole number of days above 0, not 'never'.",
        ),
    ],
)
def test_it_says_which_variable_takes_what(
    monkeypatch: pytest.MonkeyPatch, given: str, read: Callable[[], Any], sentence: str
):
    monkeypatch.setenv(NAME, given)

    with pytest.raises(Mistake) as refused:
        read()

    assert str(refused.value) == f"{NAME} {sentence}"


def test_it_repeats_no_password_of_a_database(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(NAME, "nonsense://user:sesame@host/name")

    with pytest.raises(Mistake) as refused:
        environment.database(NAME)

    assert "postgres://" in str(refused.value)
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"RUNNEL_IDLE_TIMEOUT": "never"}, "RUNNEL_IDLE_TIMEOUT takes a number, 0.01 or more, not 'never'."),
        (
            {"RUNNEL_DATA_DIR": "/dev/null/data"},
            "RUNNEL_DATA_DIR takes a folder that Runnel can write, not /dev/null/data: Not a directory.",
        ),
    ],
)
@pytest.mark.parametrize("program", [("manage.py", "check"), ("scripts/reset.py",)])
def test_a_mistake_ends_a_program_with_its_sentence_alone(
    tmp_path: Path, program: tuple[str, ...], environ: dict[str, str], sentence: str
):
    done = subprocess.run(
        [sys.executable, *program],
        cwd=ROOT,
        env=os.environ | {"RUNNEL_DATA_DIR": str(tmp_path)} | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", sentence)
