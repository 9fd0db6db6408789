"""What every test needs. ``tests/environment.py`` has set the environment before this is read."""

from django.conf import settings


def pytest_configure() -> None:
    # A good password hash takes its time on purpose; tests make many users.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
