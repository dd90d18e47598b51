"""A process that used much memory for a while gives it back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from edge.basics.memory import EVERY_NS, NUM_HEAPS
from tests.doubles.waiting import GUARD_S
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


needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has other heaps")


def told(code: str) -> str:
    """By a process of its own: what is done to memory is done to all of it."""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=GUARD_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


def num_heaps(call: str) -> int:
    return told(COUNT.replace("SHARE", call)).count("<heap nr=")


@needs_glibc
def test_threads_share_few_heaps() -> None:
    assert num_heaps("") > NUM_HEAPS
    assert num_heaps("assert share_heaps()") <= NUM_HEAPS


CIRCLES = f"""
import gc, weakref
from edge.basics.memory import Tidying
class Cut:
    pass
def left():
    cut = Cut()
    cut.itself = cut
    gc.collect()
    gc.collect()  # the oldest generation is looked at last
    return weakref.ref(cut)
tidying = Tidying()
gone = left()
seen = []
for now_ns in (5, {EVERY_NS} + 4, {EVERY_NS} + 5):
    tidying.tick(now_ns)
    seen.append(gone() is None)
print(seen)
"""


def test_what_only_refers_to_itself_goes_after_ten_seconds() -> None:
    assert told(CIRCLES) == "[False, False, True]\n"


HOLES = f"""
from pathlib import Path
from edge.basics.memory import Tidying
def mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) >> 8
tidying = Tidying()
tidying.tick(0)
begin = mib()
held = [bytearray(b"x") * 100_000 for _ in range(2000)]
held = held[::50]  # they lie between what is free
before = mib()
tidying.tick({EVERY_NS})
print(before - begin > 100, mib() - begin < 40)
"""


@needs_glibc
def test_free_memory_between_what_is_used_is_given_back() -> None:
    assert told(HOLES) == "True True\n"
