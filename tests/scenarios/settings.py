"""The project's settings, with an additional app whose tools note their executions."""

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.scenarios.workshop"]
