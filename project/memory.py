"""Returns the memory of large objects to the operating system as soon as they are freed.

glibc raises by itself, up to 32 MB, the size from which it asks the system for memory of its own. After the first
request with a large file, such requests would share the heap with small objects and leave holes that stay.
"""

import ctypes
import sys

#: ``M_MMAP_THRESHOLD`` and ``M_TRIM_THRESHOLD`` of mallopt(3), and bytes for both.
_OPTIONS = (-3, -1)
_BYTES = 1024 * 1024


def keep_large_objects_apart() -> None:
    """Fix the limit for the whole process. Does nothing where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option in _OPTIONS:
            library.mallopt(option, _BYTES)
