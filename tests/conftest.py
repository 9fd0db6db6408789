"""Settings for all tests. ``tests/environment.py`` has set the environment before this module is read."""

from django.conf import settings


def pytest_configure() -> None:
    # A good password hash is slow on purpose, and tests make many users.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
