"""Passwords are hashed on threads of their own, a few at a time.

One hash takes half a second of a core. Fifty sign-ins at once, each on its own thread, would leave the event
loop a fiftieth of the machine, and every stream would stand still.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.hashers import PBKDF2PasswordHasher

#: Hashes at the same time: half of the cores, so that the event loop always has one.
THREADS = max(1, (os.cpu_count() or 1) // 2)

# No lower priority: a thread that is not scheduled while it holds Python's lock stops all others.
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="runnel-hash")


class PooledPasswordHasher(PBKDF2PasswordHasher):
    """Django's default hash, computed on one of ``THREADS`` threads; the calling thread waits."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the hash of ``password``."""
        return _threads.submit(super().encode, password, salt, iterations).result()
