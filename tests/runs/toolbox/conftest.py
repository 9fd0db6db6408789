"""A registry that forgets what a test has put into it."""

import pytest

from runs.toolbox import registry


@pytest.fixture
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_tools", {})
