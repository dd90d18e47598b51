"""What holds for all tests: one thread of arithmetic a process, and what is dear to make is made once a run."""

from __future__ import annotations

import os
from functools import partial

import pytest

from tests.once import MadeOnce, made_in, run_folder

# Before torch and numpy are loaded, and for every process that a test starts. Threads of OpenMP wait for each other
# by spinning, which takes the core from the test beside: networks take twice the CPU time then.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # for tests that load onnxruntime by themselves


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """`made_once(name, make)`: a folder that `make(folder)` fills once for all workers; nobody may change it after."""
    return partial(made_in, run_folder(tmp_path_factory))
