"""Settings for all tests. ``tests/environment.py`` has set the environment before this module is read."""

import gc

import pytest
from django.conf import settings

from concurrency import redis_pause
from tests import emptying
from tests.faults.server_process import ServerProcess


def pytest_configure() -> None:
    # A good password hash is slow on purpose, and tests make many users.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each client of a test would look at all static files, which takes longer than most requests.
    settings.SERVESTATIC_USE_FINDERS = False
    emptying.install()
    ServerProcess.is_forked = True


def pytest_collection_finish() -> None:
    # As in a server: no collection of garbage looks at what is there already. With thousands of tests, that takes half
    # a second each time.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_redis_is_left_alone() -> None:
    """Ask each Redis again that did not answer an earlier test."""
    redis_pause.forget_all()


@pytest.fixture(autouse=True)
def no_wrong_tokens() -> None:
    """Forget the wrong tokens of earlier tests: all of them come from one address."""
    from runs.access import wrong_tokens

    wrong_tokens.forget_all()
