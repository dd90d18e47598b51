"""The process that reads: what it cannot reach, and what becomes of one that dies, hangs or takes too much."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.confining.landlock import landlock_version
from edge.confining.seccomp import can_filter
from edge.dicom.reading.file import opened_dicom
from edge.dicom.reading.process import Limits, ReaderProcess
from edge.pictures.reading.picture_file import DamagedPicture, PictureRefused
from tests.doubles.dicom_objects import throat, vl_object, written
from tests.doubles.waiting import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(vl_object([throat(), throat(54, 96, 2)]), tmp_path / "made.dcm")


@pytest.fixture
def reader() -> ReaderProcess:
    return ReaderProcess()


def test_one_process_reads_many_files(path: Path, reader: ReaderProcess) -> None:
    with opened_dicom(path, reader) as one, opened_dicom(path, reader) as other:
        pid = reader.pid
        for number in (1, 2, 1):
            assert np.array_equal(one.frame(number).image, throat(54, 96, number))
            assert np.array_equal(other.frame(number).image, throat(54, 96, number))
    assert reader.pid == pid > 0
    reader.close()
    assert reader.pid == 0


def test_one_that_dies_costs_one_file_and_is_replaced(path: Path, reader: ReaderProcess) -> None:
    with opened_dicom(path, reader) as found:
        os.kill(reader.pid, signal.SIGSEGV)
        with pytest.raises(DamagedPicture, match=r"made\.dcm.*ended its reader \(SIGSEGV\)"):
            found.frame()
        assert np.array_equal(found.frame().image, throat())
    reader.close()


def test_one_that_is_killed_does_not_make_a_sound_file_damaged(path: Path, reader: ReaderProcess) -> None:
    with opened_dicom(path, reader) as found:
        os.kill(reader.pid, signal.SIGKILL)
        assert np.array_equal(found.frame().image, throat())
    reader.close()


def test_one_that_is_killed_again_and_again_names_memory(
    path: Path, reader: ReaderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_dicom(path, reader) as found:
        pids, asked = [], reader._asked

        def killed(*order: Any) -> Any:
            pids.append(reader.pid)
            os.kill(reader.pid, signal.SIGKILL)
            return asked(*order)

        monkeypatch.setattr(reader, "_asked", killed)
        with pytest.raises(InputOutputError, match=r"frame 1 of 2.*SIGKILL, twice \(most often memory") as told:
            found.frame()
        assert not isinstance(told.value, DamagedPicture) and len(set(pids)) == 2
        monkeypatch.undo()
        assert np.array_equal(found.frame().image, throat())
    reader.close()


def test_one_that_hangs_is_ended(path: Path) -> None:
    reader = ReaderProcess()
    with opened_dicom(path, reader) as found:
        reader.limits = Limits(seconds=1)
        pid = reader.pid
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(DamagedPicture, match="it was not read after 1 s"):
            found.frame()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    reader.close()


def test_memory_has_a_bound(tmp_path: Path) -> None:
    path = written(vl_object(np.zeros((4000, 4000, 3), np.uint8)), tmp_path / "large.dcm")
    reader = ReaderProcess(Limits(memory_bytes=100 << 20))
    with pytest.raises(PictureRefused, match="more than 100 MiB of memory"), opened_dicom(path, reader) as found:
        found.frame()
    reader.close()


def test_it_ends_with_who_asked(path: Path) -> None:
    """A program that is killed leaves no reader behind."""
    code = (
        "import sys, os, signal\n"
        "from pathlib import Path\n"
        "from edge.dicom.reading.process import shared_reader\n"
        "from edge.dicom.reading.file import opened_dicom\n"
        "with opened_dicom(Path(sys.argv[1])) as found:\n"
        "    print(shared_reader().pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


ATTEMPTS = (
    "open('/etc/hostname')",
    "open('/proc/self/status')",
    "os.listdir('/')",
    "open('/tmp/made-by-a-reader', 'w')",
    "socket.socket()",
    "os.fork()",
    "os.execv('/bin/true', ['true'])",
    "os.kill(os.getppid(), 0)",
)


@pytest.mark.skipif(not (landlock_version() and can_filter()), reason="this kernel has no Landlock or no seccomp")
def test_it_reaches_nothing_else() -> None:
    code = (
        "import os, socket\n"
        "from edge.dicom.reading import child\n"
        "child._load()\n"
        "assert child._held(4 << 30) == []\n"
        f"for attempt in {ATTEMPTS!r}:\n"
        "    try:\n"
        "        exec(attempt)\n"
        "        os.write(1, b'reached ' + attempt.encode())\n"
        "    except OSError as error:\n"
        "        os.write(1, b'refused;')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "refused;" * len(ATTEMPTS), done.stderr
