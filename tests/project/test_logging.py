import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_LOG = """
import logging.config, sys
from project.logging import configure
logging.config.dictConfig(configure(debug=sys.argv[1] == "debug"))

import structlog
structlog.get_logger("runs").info("run.started", run_id="r1")
logging.getLogger("httpx2").info("HTTP Request: POST https://api.example/?key=sk-secret")
logging.getLogger("openai").info("Request options: sk-secret")
logging.getLogger("axes.handlers.database").info("AXES: sk-secret signed in.")
logging.getLogger("django.request").warning("Not Found: %s", "/x", extra={"request": "sk-secret"})

long = "/" + "a" * 15_000
logging.getLogger("django.request").warning("Not Found: %s", long)
structlog.get_logger("runs").warning("of a stranger", path=long)
try:
    raise ValueError(long)
except ValueError:
    logging.getLogger("django.request").exception("Invalid HTTP_HOST header: %r", long)

try:
    raise PermissionError("not yours")
except PermissionError:
    logging.getLogger("django.request").warning("Forbidden: /admin/", exc_info=True, extra={"status_code": 403})

def call(key):
    raise RuntimeError("broke")

try:
    call("sk-secret")
except RuntimeError:
    logging.getLogger("runs").exception("call failed")
"""


def log(mode: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _LOG, mode], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stderr


@pytest.mark.parametrize("mode", ["debug", "production"])
def test_it_logs_no_key_and_no_request(mode: str):
    # The source line of a traceback names the literal; nothing else may.
    lines = [line for line in log(mode).splitlines() if 'call("sk-secret")' not in line]

    assert "sk-secret" not in "\n".join(lines)
    assert "call failed" in "\n".join(lines)


def test_it_logs_a_json_object_a_line_without_debug():
    records = [json.loads(line) for line in log("production").splitlines()]

    assert [record["event"] for record in records] == [
        "run.started",
        "Not Found: /x",
        "Not Found: /" + "a" * 988 + "… (15,012 characters)",
        "of a stranger",
        "Invalid HTTP_HOST header: '/" + "a" * 972 + "… (15,029 characters)",
        "Forbidden: /admin/",
        "call failed",
    ]
    assert records[0] | {"timestamp": ""} == {
        "event": "run.started",
        "level": "info",
        "logger": "runs",
        "run_id": "r1",
        "timestamp": "",
    }
    assert "exception" not in records[5]
    assert records[6]["exception"][0]["exc_type"] == "RuntimeError"


@pytest.mark.parametrize("mode", ["debug", "production"])
def test_what_a_stranger_chose_is_cut(mode: str):
    lines = log(mode).splitlines()
    assert sum("characters)" in line for line in lines) >= 3
    assert max(map(len, lines)) < 6_000


def test_it_logs_readable_lines_with_debug():
    first = log("debug").splitlines()[0]

    assert "run.started" in first
    assert "run_id=r1" in first
    assert "\x1b" not in first
