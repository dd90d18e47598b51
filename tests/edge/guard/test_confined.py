"""A function that is run confined reads what it needs and reaches nothing else; its lines and errors come back."""

import contextlib
import os
import pwd
from pathlib import Path

import psutil
import pytest

from edge.basics.errors import ConfigError, InputOutputError, ModelError
from edge.basics.owner import account_of
from edge.confining.landlock import landlock_version
from edge.confining.seccomp import can_filter
from edge.guard import confined
from edge.guard.confined import ERROR_KINDS, Confined, Limits, Task, run_confined
from edge.guard.sandbox import Plan
from tests.doubles.waiting import GUARD_S, wait_until

FUNCTIONS = "tests.doubles.confined_functions"

needs_seccomp = pytest.mark.skipif(not can_filter(), reason="this kernel filters no system calls")
needs_landlock = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give rights away")


def lines(function, limits=None, plan=None, **argument):
    return list(run_confined(task(function, plan, **argument), limits or Limits()))


def task(function, plan=None, **argument):
    return Task(f"{FUNCTIONS}:{function}", argument, plan or Plan())


def made(*expressions, limits=None, plan=None):
    return lines("attempts", limits, plan, expressions=expressions)


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
    plan = Plan(readable=(str(tmp_path / "granted"),))
    assert made(code, f"open('{tmp_path}/granted').read()", plan=plan) == [
        "PermissionError",
        'done: "a patient\'s"',
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign", "granted"]
    assert (tmp_path / "foreign").read_text() == "a patient's"


@needs_landlock
@needs_seccomp
def test_with_a_gpu_the_network_is_closed_too(tmp_path):
    (tmp_path / "foreign").write_text("a patient's")
    plan = Plan(has_gpu=True)
    assert made("import_('socket').socket()", "import_('socket').socket(1) and 1", plan=plan) == [
        "PermissionError",
        "done: 1",
    ]
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert made(f"os.listdir('{home}')", "os.fork()", plan=plan) == ["PermissionError"] * 2


def test_memory_is_limited():
    limits = Limits(memory_bytes=1 << 30)
    assert made("len(bytearray(2 << 30))", "len(bytearray(1 << 20))", limits=limits) == ["MemoryError", "done: 1048576"]


@pytest.mark.parametrize("function", ["takes_memory", "takes_memory_of_a_file"])
def test_one_that_takes_memory_is_ended(function, tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 30)
    plan = Plan(readable=(str(tmp_path / "large"),))
    with pytest.raises(ModelError, match="it took more than 200 MiB of memory, and was ended"):
        lines(function, Limits(memory_bytes=200 << 20), plan, file=str(tmp_path / "large"))


@pytest.mark.slow
@pytest.mark.parametrize("function", ["sleeps", "hangs", "spins"])
def test_time_is_limited_and_the_process_gone(function):
    with Confined(Limits(seconds=3.0)) as process, pytest.raises(ModelError, match="not through after 3 s, and was"):
        list(process.lines(task(function)))
    assert not psutil.pid_exists(process.pid) and not session_of(process.pid)


def session_of(leader):
    """Who is left of a session; a process that nobody waited for yet is none."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getsid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except ProcessLookupError:
            continue
    return found


def test_what_it_started_goes_with_it():
    with Confined(Limits(), f"{FUNCTIONS}:starts_a_program") as process:
        assert len(list(process.lines(task("prints")))) == 1
        assert session_of(process.pid), "the program outlives the process by itself"
    wait_until(lambda: not session_of(process.pid))


def test_who_stops_asking_ends_it():
    begun = run_confined(task("sleeps"), Limits())
    pid = int(next(begun))
    begun.close()
    assert not psutil.pid_exists(pid)


def test_ctrl_c_takes_it_along():
    with pytest.raises(KeyboardInterrupt), Confined(Limits()) as process:
        for _ in process.lines(task("sleeps")):
            raise KeyboardInterrupt
    assert not psutil.pid_exists(process.pid)


def test_one_without_a_task_ends_by_itself():
    process = Confined(Limits())
    process._line.close()
    assert process._process.wait(GUARD_S) == 0
    process.close()


def test_it_has_a_clean_place_of_its_own(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("PYTHONSTARTUP", "/evil.py")
    environment, place, num_files = lines("tells_where_it_is")
    assert "SECRET" not in environment and "PYTHONSTARTUP" not in environment
    assert place == "('/', True, [])"
    assert int(num_files) <= 5, "its three, the line, and the one that lists them"


def test_a_folder_is_given_by_its_descriptor(tmp_path):
    (tmp_path / "told").write_text("read")
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    (tmp_path.parent / "elsewhere").mkdir()
    tmp_path.rename(tmp_path.parent / "elsewhere" / "moved")
    try:
        assert list(run_confined(Task(f"{FUNCTIONS}:reads_its_folder", folder=descriptor), Limits())) == ["read"]
    finally:
        os.close(descriptor)


def test_files_are_limited():
    [told] = lines("opens_files")
    assert told.startswith("Too many open files") and int(told.split()[-1]) < 1024


@needs_landlock
def test_a_thread_that_landlock_would_not_hold_is_no_start():
    with Confined(Limits(), f"{FUNCTIONS}:leaves_a_thread") as process, pytest.raises(ModelError, match="left threads"):
        list(process.lines(task("prints")))


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ("fails", ConfigError, "unit.calib: is another unit's"),
        ("crashes", ModelError, "its process was ended by SIGABRT"),
        ("falls", ModelError, "its process was ended by SIGSEGV"),
        ("fails_in_its_end", ModelError, "its process ended with exit code 3"),
        ("defects", ModelError, "ZeroDivisionError: of two lines"),
        ("floods", ModelError, "answered nonsense"),
        ("chatters", ModelError, "answered nonsense"),
        ("babbles", ModelError, "answered nonsense"),
        ("nests", ModelError, "answered nonsense"),
        ("is_missing", ModelError, "AttributeError"),
    ],
)
def test_how_it_fails_is_told(function, error, message):
    with pytest.raises(error, match=message) as caught:
        lines(function)
    assert type(caught.value) is error


def test_every_error_of_ours_comes_back_as_what_it_is():
    assert ERROR_KINDS["InputOutputError"] is InputOutputError and len(ERROR_KINDS) >= 9


def test_one_that_closes_its_line_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(confined, "LONGEST_END_S", 0.5)
    with pytest.raises(ModelError, match="said no more before it was through"):
        lines("closes_its_line")


def test_its_lines_cannot_drive_a_terminal():
    assert "\x1b" not in lines("drives_a_terminal")[0]


def test_what_a_library_prints_is_no_answer():
    assert lines("prints") == ["told"]


@as_root
def test_it_has_the_rights_of_another_user():
    account = pwd.getpwnam("nobody")
    expressions = ["os.getresuid()", "os.getresgid()", "os.getgroups()", "os.setuid(0)"]
    groups = os.getgrouplist("nobody", account.pw_gid)
    told = [f"done: {(account.pw_uid,) * 3}", f"done: {(account.pw_gid,) * 3}", f"done: {groups}", "PermissionError"]
    assert as_nobody("attempts", f"{FUNCTIONS}:attempts_nothing", expressions=expressions) == told


def as_nobody(function, ahead, limits=None, uid=None, **argument):
    account = pwd.getpwnam("nobody")
    given = Task(f"{FUNCTIONS}:{function}", argument, account=account_of(uid or account.pw_uid, account.pw_gid))
    with Confined(limits or Limits(), ahead) as process:
        return list(process.lines(given))


@as_root
def test_what_only_root_may_read_is_loaded_before_it_is_given_up(tmp_path, monkeypatch):
    """As from a Python below root's own home."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "roots_own.py").write_text("def load():\n    pass\n\n\ndef lines(argument):\n    yield 'loaded'\n")
    monkeypatch.syspath_prepend(str(closed))
    account = account_of(pwd.getpwnam("nobody").pw_uid, 0)
    given = Task("roots_own:lines", plan=Plan(readable=(str(closed),)), account=account)
    with Confined(Limits(), "roots_own:load") as process:
        assert list(process.lines(given)) == ["loaded"]
    with Confined(Limits()) as process, pytest.raises(ModelError):
        list(process.lines(given))


@as_root
def test_threads_are_limited():
    """Those that are no root's; the kernel counts all of one user, so it is one whom no other test is."""
    uid = 100_000 + os.getpid()
    told = as_nobody("starts_threads", f"{FUNCTIONS}:attempts_nothing", Limits(num_threads=50), uid, most=1000)
    assert told and int(told[0].split()[-1]) <= 51, "the last is the one refused"


def test_nothing_is_left_open():
    before = open_files()
    lines("prints")
    with pytest.raises(ModelError):
        lines("crashes")
    assert open_files() <= before


def open_files():
    """What this process's descriptors lead to; what a test before left may be closed meanwhile."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return found


def test_no_core_is_written():
    assert made("import_('resource').getrlimit(4)") == ["done: (0, 0)"]
