"""The page's pure ES modules: their unit tests in Node.js, and their words against the server's enums."""

import json
import os
import shutil
import subprocess
from enum import Enum
from pathlib import Path

import pytest

from providers.types.usage import UsageSource
from runs.models.tool_call import Decision, ToolCallStatus
from runs.states import CancelledBy, RunStatus, StopReason

ROOT = Path(__file__).resolve().parents[2]
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None and os.environ.get("CI") != "true", reason="needs Node.js: Debian's package nodejs"
)


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert NODE is not None, "CI=true, and Node.js is missing"
    return subprocess.run(
        [NODE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_modules_pass_their_tests() -> None:
    tests = sorted(str(path.relative_to(ROOT)) for path in Path(__file__).parent.glob("*.test.js"))
    assert tests
    result = node("--test", *tests)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("table", "enum"),
    [
        ("RUN_STATUSES", RunStatus),
        ("STOP_REASONS", StopReason),
        ("CANCELLED_BY", CancelledBy),
        ("CALL_STATUSES", ToolCallStatus),
        ("DECISIONS", Decision),
        ("USAGE_MARKS", UsageSource),
    ],
)
def test_the_page_has_words_for_each_value_of_the_server_and_for_no_other(
    table: str, enum: type[Enum]
) -> None:
    program = (
        'import * as words from "./static/runnel/js/vocabulary.js";'
        f"console.log(JSON.stringify(Object.keys(words.{table})))"
    )
    result = node("--input-type=module", "--eval", program)
    assert result.returncode == 0, result.stderr
    assert set(json.loads(result.stdout)) == {member.value for member in enum}
