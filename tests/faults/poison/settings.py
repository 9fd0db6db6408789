"""The settings of the tests that use real processes, with the app."""

from tests.scenarios.settings import *  # noqa: F403
from tests.scenarios.settings import AUTHENTICATION_BACKENDS as _BACKENDS
from tests.scenarios.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.faults.poison"]
AUTHENTICATION_BACKENDS = [*_BACKENDS, "tests.faults.poison.backend.Backend"]
