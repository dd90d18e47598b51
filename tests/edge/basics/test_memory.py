"""A process with many threads keeps few heaps."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from edge.basics.memory import NUM_ARENAS
from tests.paths import REPOSITORY

COUNT = """
import ctypes, threading
from edge.basics.memory import share_heaps
SHARE
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc_info.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)
libc.fdopen.restype = ctypes.c_void_p
together = threading.Barrier(8)
def take():
    together.wait()
    libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
stdout = libc.fdopen(1, b"w")
libc.malloc_info(0, stdout)
libc.fflush(None)
"""


def num_heaps(call: str) -> int:
    code = COUNT.replace("SHARE", call)
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.count("<heap nr=")


def test_threads_share_few_heaps() -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("another C library has other heaps")
    assert num_heaps("") > NUM_ARENAS
    assert num_heaps("assert share_heaps()") <= NUM_ARENAS
