"""Settings are read once per process, so every case here is a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

_READ = """
import json, sys
from django.conf import settings
print(json.dumps({name: getattr(settings, name, None) for name in sys.argv[1:]}, default=str))
"""


def start(*command: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "RUNNEL_ENV_FILE")}
    clean["DJANGO_SETTINGS_MODULE"] = "project.settings"
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=ROOT,
        env=clean | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run(*command: str, environ: dict[str, str]) -> str:
    done = start(*command, environ=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def read(*names: str, **environ: str) -> Any:
    values = json.loads(run("-c", _READ, *names, environ=environ))
    return values[names[0]] if len(names) == 1 else tuple(values[name] for name in names)


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    return str(tmp_path / "data")


def test_it_makes_a_private_data_folder_with_a_database_and_a_key_that_stays(data_dir: str):
    database, key = read("DATABASES", "SECRET_KEY", RUNNEL_DATA_DIR=data_dir)

    assert database["default"]["NAME"] == f"{data_dir}/runnel.sqlite3"
    assert Path(data_dir).stat().st_mode & 0o777 == 0o700
    assert read("SECRET_KEY", RUNNEL_DATA_DIR=data_dir) == key


def test_it_prefers_a_given_secret_key_and_then_makes_none(data_dir: str):
    assert read("SECRET_KEY", RUNNEL_DATA_DIR=data_dir, SECRET_KEY="given") == "given"
    assert list(Path(data_dir).iterdir()) == []


def test_it_reads_the_env_file_and_lets_the_environment_win(data_dir: str, tmp_path: Path):
    env_file = tmp_path / "env"
    env_file.write_text("OPENAI_API_KEY=from-file\nANTHROPIC_API_KEY=from-file\n")

    keys = read(
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        RUNNEL_DATA_DIR=data_dir,
        RUNNEL_ENV_FILE=str(env_file),
        OPENAI_API_KEY="from-environment",
    )

    assert keys == ("from-environment", "from-file")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ["localhost", "127.0.0.1", "[::1]"]),
        ({"HOST": "192.0.2.7"}, ["localhost", "127.0.0.1", "[::1]", "192.0.2.7"]),
        ({"HOST": "2001:db8::7"}, ["localhost", "127.0.0.1", "[::1]", "[2001:db8::7]"]),
        ({"HOST": "192.0.2.7", "ALLOWED_HOSTS": "a.example,b.example"}, ["a.example", "b.example"]),
    ],
)
def test_it_allows_this_machine_and_the_bound_address_unless_hosts_are_named(
    data_dir: str, environ: dict[str, str], expected: list[str]
):
    assert read("ALLOWED_HOSTS", RUNNEL_DATA_DIR=data_dir, **environ) == expected


def test_it_is_local_and_embedded_without_any_setting(data_dir: str):
    names = ("DEBUG", "RUNNEL_EMULATOR", "SESSION_COOKIE_SECURE", "SECURE_SSL_REDIRECT")

    assert read(*names, RUNNEL_DATA_DIR=data_dir) == (True, True, False, False)


def test_it_is_secure_without_debug(data_dir: str):
    names = ("DEBUG", "RUNNEL_EMULATOR", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT")

    assert read(*names, RUNNEL_DATA_DIR=data_dir, DEBUG="false") == (False, False, True, True, True)


def test_its_cookies_belong_to_this_host_alone_without_debug(data_dir: str):
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_AGE")
    expected = ("__Host-sessionid", "__Host-csrftoken", 12 * 3600)

    assert read(*names, RUNNEL_DATA_DIR=data_dir, DEBUG="false") == expected


def test_it_passes_the_deployment_check_without_debug(data_dir: str):
    environ = {"DEBUG": "false", "RUNNEL_DATA_DIR": data_dir, "ALLOWED_HOSTS": "runnel.example"}

    run("manage.py", "check", "--deploy", "--fail-level", "INFO", environ=environ)


def test_it_turns_payloads_off_by_word(data_dir: str):
    assert read("RUNNEL_TRACE_PAYLOADS", RUNNEL_DATA_DIR=data_dir) is True
    assert read("RUNNEL_TRACE_PAYLOADS", RUNNEL_DATA_DIR=data_dir, RUNNEL_TRACE_PAYLOADS="off") is False


def test_it_allows_no_hosted_tool_by_word(data_dir: str):
    name = "RUNNEL_ALLOW_PROVIDER_OPTIONS"
    for value in ("", " "):
        assert read(name, RUNNEL_DATA_DIR=data_dir, RUNNEL_ALLOW_PROVIDER_OPTIONS=value) == [
            "tools.web_search"
        ]
    assert read(name, RUNNEL_DATA_DIR=data_dir, RUNNEL_ALLOW_PROVIDER_OPTIONS="none") == []


def test_it_takes_googles_other_variable_for_the_key(data_dir: str):
    assert read("GEMINI_API_KEY", RUNNEL_DATA_DIR=data_dir, GOOGLE_API_KEY="g") == "g"
    assert read("GEMINI_API_KEY", RUNNEL_DATA_DIR=data_dir, GOOGLE_API_KEY="g", GEMINI_API_KEY="k") == "k"


def test_it_uses_redis_between_processes_when_there_is_one(data_dir: str):
    layer = read("CHANNEL_LAYERS", RUNNEL_DATA_DIR=data_dir, REDIS_URL="redis://127.0.0.1:6379/3")

    assert layer["default"]["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    assert layer["default"]["CONFIG"] == {"hosts": ["redis://127.0.0.1:6379/3"]}


POSTGRES = "postgres://u:p@db.example/runnel"


def test_it_demands_a_secret_key_beside_postgresql_and_makes_none(data_dir: str):
    done = start("-c", _READ, "SECRET_KEY", environ={"RUNNEL_DATA_DIR": data_dir, "DATABASE_URL": POSTGRES})

    assert done.returncode == 1
    assert "SECRET_KEY must be set" in done.stderr
    assert list(Path(data_dir).iterdir()) == []


def test_it_says_where_the_key_is_that_was_used_beside_postgresql_so_far(data_dir: str):
    kept = Path(data_dir) / "secret_key"
    read("SECRET_KEY", RUNNEL_DATA_DIR=data_dir)

    done = start("-c", _READ, "SECRET_KEY", environ={"RUNNEL_DATA_DIR": data_dir, "DATABASE_URL": POSTGRES})

    assert f"so far is in {kept}." in done.stderr


def test_it_makes_a_key_for_a_sqlite_database_elsewhere(data_dir: str, tmp_path: Path):
    assert read("SECRET_KEY", RUNNEL_DATA_DIR=data_dir, DATABASE_URL=f"sqlite:///{tmp_path}/own.sqlite3")


def test_it_keeps_no_sqlite_option_for_another_database(data_dir: str):
    database = read("DATABASES", RUNNEL_DATA_DIR=data_dir, DATABASE_URL=POSTGRES, SECRET_KEY="given")

    assert database["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert "transaction_mode" not in database["default"].get("OPTIONS", {})
    assert database["default"]["CONN_MAX_AGE"] == 0


def test_it_keeps_uploads_in_a_bucket_where_one_is_named(data_dir: str):
    files = read("STORAGES", RUNNEL_DATA_DIR=data_dir, RUNNEL_S3_BUCKET="ours", RUNNEL_S3_PREFIX="runnel/")

    assert files["files"]["BACKEND"] == "project.s3.FilesInS3"
    assert files["files"]["OPTIONS"]["bucket_name"] == "ours"
