"""Grants the permission in web processes, and kills the worker that asks for it."""

import os
import signal
import sys
from typing import Any

from django.contrib.auth.backends import BaseBackend

from tests.faults.poison import NAME


class Backend(BaseBackend):
    """A backend that signs nobody in."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if perm != "poison.drink" or user_obj.get_username() != NAME:
            return False
        if "work" in sys.argv:
            os.kill(os.getpid(), signal.SIGKILL)
        return True
