"""A function that is run confined reads what it needs and reaches nothing else; its lines and errors come back."""

import json
import os
import pwd
import subprocess
from pathlib import Path

import psutil
import pytest

from edge.basics.errors import ConfigError, ModelError
from edge.basics.python_child import PACKAGES
from edge.guard import confined
from edge.guard.confined import Limits, run_confined
from edge.guard.landlock import landlock_version
from edge.guard.sandbox import Plan
from edge.guard.seccomp import can_filter
from tests.paths import REPOSITORY

FUNCTIONS = "tests.doubles.confined_functions"

needs_seccomp = pytest.mark.skipif(not can_filter(), reason="this kernel filters no system calls")
needs_landlock = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give rights away")


def lines(function, limits=None, **argument):
    return list(run_confined(f"{FUNCTIONS}:{function}", argument, limits or Limits()))


def made(*expressions, limits=None):
    return lines("attempts", limits, expressions=expressions)


def test_the_libraries_of_an_engine_load():
    assert made("import_('onnxruntime').__name__", "import_('cv2').__name__") == ["done: 'onnxruntime'", "done: 'cv2'"]


@needs_seccomp
@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("import_('socket').socket()", id="socket"),
        pytest.param("import_('socket').socket(10)", id="IPv6"),
        pytest.param("import_('socket').socket(16, 3)", id="netlink"),
        pytest.param("import_('socket').socket(1)", id="Unix socket"),
        pytest.param("os.fork()", id="fork"),
        pytest.param("os.execv('/bin/true', ['true'])", id="exec"),
        pytest.param("os.posix_spawn('/bin/true', ['true'], {})", id="spawn"),
        pytest.param("os.kill(os.getppid(), 0)", id="signal"),
        pytest.param("os.killpg(0, 0)", id="signal to a group"),
        pytest.param("os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)", id="priority"),
        pytest.param("os.sched_setaffinity(os.getppid(), {0})", id="cores"),
        pytest.param("import_('resource').prlimit(os.getppid(), 7, (3, 3))", id="limits of another"),
        pytest.param("os.pidfd_open(os.getppid())", id="handle of another"),
        pytest.param("os.memfd_create('more')", id="memory that is not counted"),
        pytest.param("import_('mmap').mmap(-1, 4096)", id="shared memory"),
        pytest.param("import_('fcntl').fcntl(1, 8, os.getppid())", id="signal by a descriptor"),
        pytest.param("import_('fcntl').ioctl(0, 0x5412, b'x')", id="typing for the terminal"),
        pytest.param("os.setuid(0)", id="user"),
        pytest.param("import_('fcntl').fcntl(0, 1024, 0)", id="lease"),
    ],
)
def test_a_system_call_is_refused(expression):
    assert made(expression) == ["PermissionError"]


@needs_landlock
@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("open('{foreign}').read()", id="read"),
        pytest.param("os.listdir('{folder}')", id="list"),
        pytest.param("open('{foreign}', 'r+')", id="write"),
        pytest.param("open('{folder}/new', 'w')", id="make"),
        pytest.param("os.truncate('{foreign}', 0)", id="truncate"),
        pytest.param("os.unlink('{foreign}')", id="remove"),
        pytest.param("os.rename('{foreign}', '{folder}/other')", id="rename"),
        pytest.param("os.symlink('/', '{folder}/link')", id="link"),
        pytest.param("open('/etc/passwd').read()", id="system's"),
        pytest.param("open('/proc/{parent}/environ').read()", id="environment of another"),
        pytest.param("open('/proc/{parent}/mem').read(1)", id="memory of another"),
        pytest.param("open('{granted}', 'r+')", id="write what may be read"),
    ],
)
def test_a_file_of_others_is_out_of_reach(expression, tmp_path):
    for name in ("foreign", "granted"):
        (tmp_path / name).write_text("a patient's")
    words = {name: tmp_path / name for name in ("foreign", "granted")}
    code = expression.format(folder=tmp_path, parent=os.getpid(), **words)
    limits = Limits(Plan(readable=(str(tmp_path / "granted"),)))
    assert made(code, f"open('{tmp_path}/granted').read()", limits=limits) == [
        "PermissionError",
        'done: "a patient\'s"',
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign", "granted"]
    assert (tmp_path / "foreign").read_text() == "a patient's"


@needs_landlock
@needs_seccomp
def test_with_a_gpu_the_network_is_closed_too(tmp_path):
    (tmp_path / "foreign").write_text("a patient's")
    limits = Limits(Plan(has_gpu=True))
    assert made("import_('socket').socket()", "import_('socket').socket(1) and 1", limits=limits) == [
        "PermissionError",
        "done: 1",
    ]
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert made(f"os.listdir('{home}')", "os.fork()", limits=limits) == ["PermissionError"] * 2


def test_memory_is_limited():
    limits = Limits(memory_bytes=1 << 30)
    assert made("len(bytearray(2 << 30))", "len(bytearray(1 << 20))", limits=limits) == ["MemoryError", "done: 1048576"]


def test_time_is_limited_and_the_process_gone():
    begun = run_confined(f"{FUNCTIONS}:sleeps", {}, Limits(seconds=5.0))
    pid = int(next(begun))
    with pytest.raises(ModelError, match="it took more than 5 s, and was ended"):
        next(begun)
    assert not psutil.pid_exists(pid)


def test_who_stops_asking_ends_it():
    begun = run_confined(f"{FUNCTIONS}:sleeps", {}, Limits())
    pid = int(next(begun))
    begun.close()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ("fails", ConfigError, "unit.calib: is another unit's"),
        ("crashes", ModelError, "its process was ended by SIGABRT"),
        ("defects", ModelError, "ZeroDivisionError: of two lines"),
        ("floods", ModelError, "answered nonsense"),
        ("chatters", ModelError, "answered nonsense"),
        ("nests", ModelError, "answered nonsense"),
        ("is_missing", ModelError, "AttributeError"),
    ],
)
def test_how_it_fails_is_told(function, error, message):
    with pytest.raises(error, match=message) as caught:
        lines(function)
    assert type(caught.value) is error


def test_its_lines_cannot_drive_a_terminal():
    assert "\x1b" not in lines("drives_a_terminal")[0]


def test_what_a_library_prints_is_no_answer():
    assert lines("prints") == ["told"]


@as_root
def test_it_has_the_rights_of_another_user(monkeypatch):
    account = pwd.getpwnam("nobody")
    python = "/usr/bin/python3"  # ours may lie in root's own home
    begin = [python, "-I", "-c", "import json, sys; print(json.dumps([sys.version_info[:2], sys.path]))"]
    version, path = (
        json.loads(subprocess.run(begin, capture_output=True, check=True).stdout)
        if os.access(python, os.X_OK)
        else ([0, 0], [])
    )
    if version < [3, 10] or not is_readable_to_all(REPOSITORY):
        pytest.skip("needs a Python and a checkout that another user can read")
    command = [python, "-I", str(PACKAGES / "edge/basics/isolated.py"), json.dumps([*path, str(REPOSITORY)])]
    monkeypatch.setattr(confined, "python_command", lambda module: [*command, module])
    found = made("os.getresuid()", "os.getgroups()", limits=Limits(user="nobody"))
    assert found == [f"done: {(account.pw_uid,) * 3}", f"done: {os.getgrouplist('nobody', account.pw_gid)}"]


def is_readable_to_all(folder):
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (folder, *folder.parents))


@as_root
def test_a_user_that_is_missing_is_told():
    with pytest.raises(ConfigError, match="there is no user 'nobody-at-all'"):
        lines("prints", Limits(user="nobody-at-all"))


def test_nothing_is_left_open():
    before = len(list(Path("/proc/self/fd").iterdir()))
    lines("prints")
    with pytest.raises(ModelError):
        lines("crashes")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_no_core_is_written():
    assert made("import_('resource').getrlimit(4)") == ["done: (0, 0)"]
