"""What is run confined: each yields lines, or does what it must not."""

import os
import stat
import time

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
    os.write(*[fd for fd in range(3, 20) if _is_pipe(fd)][:1], b"[" * 60_000 + b"\n")
    yield ""


def _is_pipe(fd):
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False


def drives_a_terminal(argument):
    yield "\x1b[2J"
