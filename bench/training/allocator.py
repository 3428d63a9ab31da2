"""Freed memory stays with the process: a training step asks for the same large blocks again and again.

glibc gives a block above 32 MiB back to the system as soon as it is freed, and every page of the next one is then
mapped and zeroed anew. Above 100,000 nodes that is a quarter of a step's time or more.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

#: Parameters of mallopt(3), and the largest value of a C int.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST = -1, -3, 2**31 - 1
#: What glibc reads at its start; who sets one of them has chosen already.
_CHOSEN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES")


@cache
def keep_freed_memory() -> bool:
    """Whether the C library now keeps what is freed; once a process. Results are the same, resident memory is higher.

    False where the library is not glibc, or where the environment sets its allocator.
    """
    if any(name in os.environ for name in _CHOSEN):
        return False
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):
        return False
    if not hasattr(library, "gnu_get_libc_version"):  # another library's mallopt takes other numbers
        return False
    return bool(library.mallopt(_MMAP_THRESHOLD, _MOST)) and bool(library.mallopt(_TRIM_THRESHOLD, _MOST))
