"""What is run confined: each yields lines, or does what it must not."""

import mmap
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

from edge.basics.errors import ConfigError


def attempts(argument):
    """Evaluates expressions and tells what came of each."""
    for code in argument["expressions"]:
        try:
            made = eval(code, {"os": os, "import_": __import__})
        except Exception as error:  # noqa: BLE001 - what it is, is the answer
            yield type(error).__name__
        else:
            yield f"done: {made!r}"[:80]


def fails(argument):
    yield "first"
    raise ConfigError("unit.calib: is another unit's")


def crashes(argument):
    yield "first"
    os.abort()


def defects(argument):
    yield "first"
    raise ZeroDivisionError("of two\nlines")


def sleeps(argument):
    yield f"{os.getpid()}"
    time.sleep(3600)


def prints(argument):
    print('{"kind": "line", "text": "a library said so"}', flush=True)
    yield "told"


def floods(argument):
    yield "x" * (1 << 20)


def chatters(argument):
    while True:
        yield "on and on"


def nests(argument):
    os.write(_line(), b"[" * 60_000 + b"\n")
    yield ""


def _is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False


def drives_a_terminal(argument):
    yield "\x1b[2J"


def tells_where_it_is(argument):
    yield repr(sorted(os.environ))
    relative = [place for place in sys.path if not place.startswith("/")]
    yield repr((str(Path.cwd()), os.getsid(0) == os.getpid(), relative))
    yield str(len(list(Path("/proc/self/fd").iterdir())))


def reads_its_folder(argument):
    yield (Path(argument["folder"]) / "told").read_text()


def hangs(argument):
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(3600)
    yield ""


def spins(argument):
    while True:
        pass
    yield ""


def takes_memory(argument):
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20)) * 16)
    yield ""


def takes_memory_of_a_file(argument):
    """Which is not its own."""
    with Path(argument["file"]).open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        for place in range(0, len(mapped), mmap.PAGESIZE):
            mapped[place]
        time.sleep(3600)
    yield ""


def starts_threads(argument):
    threading.stack_size(64 * 1024)
    started = []
    try:
        while len(started) < argument["most"]:
            started.append(threading.Thread(target=time.sleep, args=(3600,), daemon=True))
            started[-1].start()
    except RuntimeError:
        yield f"refused after {len(started)}"


def opens_files(argument):
    opened = []
    try:
        while True:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        yield f"{error.strerror} after {len(opened)}"


def fails_in_its_end(argument):
    yield "first"
    os._exit(3)


def falls(argument):
    yield "first"
    os.kill(os.getpid(), signal.SIGSEGV)


def babbles(argument):
    while True:
        os.write(_line(), b"x" * 1000 + b"\n")
    yield ""


def closes_its_line(argument):
    os.close(_line())
    time.sleep(3600)
    yield ""


def _line():
    return next(fd for fd in range(3, 20) if _is_socket(fd))


def attempts_nothing():
    """Ahead: that this module is loaded."""


def starts_a_program():
    """Ahead, while it still may."""
    subprocess.Popen(["sleep", "3600"])


def leaves_a_thread():
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
