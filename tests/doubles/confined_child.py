"""Stands for the process that proves a model, and does what a hostile graph could make of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    order = json.loads(socket.recv_fds(socket.socket(fileno=os.dup(0)), 1 << 16, 1)[0])
    return int(globals()[f"do_{order['do']}"]() or 0)


def say(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def do_tell() -> None:
    say(environment=sorted(os.environ), cwd=str(Path.cwd()), session=os.getsid(0) == os.getpid(), path=sys.path)
    say(fds=len(list(Path("/proc/self/fd").iterdir())))


def do_hang() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(1000)


def do_hang_in_a_child() -> None:
    subprocess.run(["sleep", "1000"], check=True)


def do_spin() -> None:
    while True:
        pass


def do_take_memory() -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20)) * 16)


def do_crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def do_fail() -> int:
    return 3


def do_babble() -> None:
    while True:
        sys.stdout.write("x" * 1000 + "\n")


def do_babble_one_line() -> None:
    while True:
        sys.stdout.write("x" * 1000)


def do_say_control_characters() -> None:
    sys.stdout.write("\x1b]0;evil\x07\n")


def do_close() -> None:
    os.close(1)
    os.close(0)
    time.sleep(1000)
