"""Stands for the proof of a graph that takes its process over: evaluates what the attacker would try."""

import contextlib
import json
import os
import socket

from edge.updates.prove_process import load as load_program


def load():
    load_program()
    import fcntl
    import mmap
    import threading

    del fcntl, mmap, threading


def lines(argument):
    folder = argument["folder"]
    names = {"os": os, "socket": socket, "import_": __import__, "folder": folder, "parent": os.getppid()}
    for code in json.loads(argument["serial"]):
        try:
            made = eval(code, names)
        except Exception as error:  # noqa: BLE001 - what it is, is the answer
            yield f"{type(error).__name__}"
        else:
            yield f"done: {made!r}"[:80]
    with contextlib.suppress(OSError):
        yield f"who: {os.getresuid()}"
