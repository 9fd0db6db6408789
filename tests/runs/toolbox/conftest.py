"""An empty tool registry for a test, and a log for the MCP servers that it starts."""

from pathlib import Path

import pytest

from runs.toolbox import registry
from tests.runs.toolbox.mcp_servers import Log


@pytest.fixture
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_tools", {})


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")
