"""What a process is held to is told, and where a kernel cannot hold it the picture goes on."""

import errno
import json
import logging
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from edge.config import EngineConfig, UnitConfig
from edge.confining import seccomp
from edge.confining.seccomp import Refused, filter_for
from edge.engines.rungs import Rung
from edge.guard import process as engine_process
from edge.guard import sandbox
from edge.guard.order import EngineOrder
from edge.guard.process import EngineProcess
from edge.guard.sandbox import Plan, confinement, reach_of, refused_by
from edge.guard.shared_frames import SharedFrames
from edge.models.profile import load_profile
from tests.paths import REPOSITORY

WITHOUT = """
import json, sys
import edge.confining.landlock, edge.guard.sandbox as sandbox
def refused(*given):
    raise OSError(38, "Function not implemented")
for name in sys.argv[1:]:
    setattr(sandbox, name, refused)
print(json.dumps(sandbox.confine(sandbox.Plan())))
"""
"""A kernel that lacks some of it."""


@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ((), []),
        (("restrict_files",), ["files: Function not implemented"]),
        (("refuse_calls",), ["network, programs and other processes: Function not implemented"]),
        (
            ("forbid_new_privileges", "refuse_calls"),
            ["files: Function not implemented", "network, programs and other processes: Function not implemented"],
        ),
    ],
    ids=["nothing", "Landlock", "seccomp", "either"],
)
def test_what_a_kernel_cannot_hold_is_told(lacks, told):
    if not (seccomp.can_filter() and sandbox.landlock_version()):
        pytest.skip("this kernel has not both Landlock and seccomp")
    done = subprocess.run([sys.executable, "-c", WITHOUT, *lacks], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == told


def test_an_engine_that_is_not_held_runs_and_is_told_once(monkeypatch, caplog):
    monkeypatch.setattr(engine_process, "WORKER_COMMAND", [sys.executable, "-c", FREE])
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    engine_process._tell_not_held.cache_clear()
    frames = SharedFrames(num_frames=2)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            process = EngineProcess(
                EngineOrder(Rung("live", "cpu"), load_profile("live").sha256, EngineConfig(), UnitConfig()), frames
            )
            while process.poll_opened(1.0) is None:
                pass
            process.close(10)
    frames.close()
    assert process.opened.not_held == ("files: there is no Landlock",)
    assert caplog.text.count("this kernel does not close it off: files: there is no Landlock") == 1


FREE = """
import sys
from edge.guard import start
start.confine = lambda plan: ("files: there is no Landlock",)
sys.exit(start.main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("version", "can_filter", "words"),
    [
        (
            7,
            True,
            "Landlock 7 leaves the engine its model's files and FFmpeg its clip; "
            "seccomp refuses both network, programs and other processes",
        ),
        (
            0,
            True,
            "no Landlock, so engine and FFmpeg may read files; "
            "seccomp refuses both network, programs and other processes",
        ),
        (
            0,
            False,
            "no Landlock, so engine and FFmpeg may read files; "
            "no seccomp, so network and other processes are not closed to them",
        ),
    ],
)
def test_check_says_what_this_machine_can_hold(monkeypatch, version, can_filter, words):
    monkeypatch.setattr(sandbox, "landlock_version", lambda: version)
    monkeypatch.setattr(sandbox, "can_filter", lambda: can_filter)
    assert confinement() == words


def test_a_plan_survives_its_way():
    plan = Plan(("/a b", "/ü"), has_gpu=True)
    assert Plan.from_text(plan.to_text()) == plan


def test_an_order_leaves_its_own_files_alone(tmp_path):
    models = tmp_path / "models"
    (tmp_path / "versions").mkdir()
    models.mkdir()
    (models / "live").symlink_to(tmp_path / "versions")
    config = EngineConfig(models=str(models), engines=str(tmp_path / "engines"), keys=str(tmp_path / "keys"))
    unit = UnitConfig(serial="A", calibration=str(tmp_path / "unit.calib"))
    on_cpu = EngineOrder(Rung("live", "cpu"), "", config, unit).plan()
    shipped = load_profile("live").folder
    own = (str(tmp_path / name) for name in ("versions", "unit.calib", "keys", "models/shared"))
    assert {*on_cpu.readable} == {str(shipped), str(shipped.parent / "shared"), *own}
    assert not on_cpu.has_gpu
    on_gpu = EngineOrder(Rung("live", "tensorrt", "tensorrt"), "", config, unit).plan()
    assert str(tmp_path / "engines") in on_gpu.readable and on_gpu.has_gpu


@pytest.mark.parametrize("has_gpu", [False, True])
@pytest.mark.parametrize("entry", ["/", str(Path.home()), "/home", "/var", "/var/lib", "/etc"])
def test_a_broad_folder_on_pythons_path_opens_nothing(monkeypatch, entry, has_gpu):
    monkeypatch.setattr(sys, "path", [entry, *sys.path])
    if has_gpu and entry == "/etc":
        return  # a GPU's driver has its settings there
    assert Path(entry) not in {*reach_of(Plan(has_gpu=has_gpu)).readable}


def test_every_call_that_is_refused_is_known():
    known = {*seccomp.call_numbers(0), *seccomp.call_numbers(1)}
    for plan in (Plan(), Plan(has_gpu=True)):
        assert {one.call for one in refused_by(plan)} <= known


def headers(path, name):
    """Name -> number, as the kernel's headers have it."""
    found = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "#define" and words[1].startswith(name) and words[2].isdigit():
            found[words[1].removeprefix("__NR_").removeprefix("__NR3264_")] = int(words[2])
    return found


@pytest.mark.parametrize(
    ("column", "path"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
    ids=["x86-64", "64-bit Arm"],
)
def test_the_numbers_are_the_kernels(column, path):
    if not Path(path).exists():
        pytest.skip(f"needs {path}: apt-get install linux-libc-dev")
    kernels = headers(Path(path), "__NR")
    ours = seccomp.call_numbers(column)
    assert {name: number for name, number in ours.items() if name in kernels} == {
        name: kernels[name] for name in ours if name in kernels
    }
    assert len(kernels.keys() & ours.keys()) > 100


def test_the_filter_of_an_unknown_machine_is_refused():
    with pytest.raises(OSError, match="riscv64"):
        filter_for((), "riscv64")


ALLOW, KILL = 0x7FFF0000, 0x80000000
X86, ARM = 0xC000003E, 0xC00000B7


def answered(program, machine, number, *arguments):
    """What a filter makes of a call: the kernel's own meaning of its instructions."""
    call = struct.pack("iIQ6Q", number, machine, 0, *arguments, *(0,) * (6 - len(arguments)))
    held, at = 0, 0
    while True:
        code, if_so, if_not, value = struct.unpack_from("HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            held = struct.unpack_from("I", call, value)[0]
        elif code == 0x54:
            held &= value
        elif code == 0x06:
            return value
        else:
            at += if_so if (held == value if code == 0x15 else held >= value) else if_not


@pytest.mark.parametrize(
    ("machine", "name", "number", "arguments", "answer"),
    [
        pytest.param("x86_64", X86, 0, (), ALLOW, id="read"),
        pytest.param("x86_64", X86, 59, (), 0x50000 | errno.EPERM, id="execve"),
        pytest.param("x86_64", X86, 56, (0x10000,), ALLOW, id="clone of a thread"),
        pytest.param("x86_64", X86, 56, (17,), 0x50000 | errno.EPERM, id="clone of a process"),
        pytest.param("x86_64", X86, 257, (0, 0, os.O_CLOEXEC), ALLOW, id="openat to read"),
        pytest.param("x86_64", X86, 257, (0, 0, os.O_RDWR), 0x50000 | errno.EACCES, id="openat to write"),
        pytest.param("x86_64", X86, 257, (0, 0, os.O_CREAT), 0x50000 | errno.EACCES, id="openat to make"),
        pytest.param("x86_64", X86, 0x40000000 | 59, (), 0x50000 | errno.EPERM, id="x32"),
        pytest.param("x86_64", 0x40000003, 11, (), KILL, id="32 bits"),
        pytest.param("aarch64", ARM, 63, (), ALLOW, id="read on Arm"),
        pytest.param("aarch64", ARM, 221, (), 0x50000 | errno.EPERM, id="execve on Arm"),
        pytest.param("aarch64", ARM, 198, (2,), 0x50000 | errno.EACCES, id="socket on Arm"),
        pytest.param("aarch64", ARM, 129, (1 << 40 | 1,), 0x50000 | errno.EPERM, id="kill on Arm"),
        pytest.param("aarch64", X86, 0, (), KILL, id="foreign calls"),
    ],
)
def test_the_filters_program(machine, name, number, arguments, answer):
    program = filter_for(refused_by(Plan()), machine)
    assert len(program) // 8 <= 4096, "more than a kernel takes"
    assert answered(program, name, number, *arguments) == answer


def test_arguments_decide():
    refused = (Refused("fcntl", argument=1, values=(8, 10)), Refused("kill", argument=0, values=(7, 9), unless=True))
    program = filter_for(refused, "x86_64")
    fcntl, kill = 72, 62
    assert [answered(program, X86, fcntl, 0, value) == ALLOW for value in (7, 8, 9, 10)] == [True, False, True, False]
    assert [answered(program, X86, kill, value) == ALLOW for value in (6, 7, 8, 9)] == [False, True, False, True]
