"""The project's settings, and an app more whose tools can be watched."""

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.scenarios.workshop"]
