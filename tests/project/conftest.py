"""Gives back what an application that was started in a test's process holds."""

from collections.abc import Iterator

import pytest

from runs.engine import lock


@pytest.fixture(autouse=True)
def data_folder_given_back() -> Iterator[None]:
    yield
    lock.release()
