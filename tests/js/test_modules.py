"""The unit tests of the page's pure ES modules, in Node.js."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

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
