"""Confines itself and becomes another program: `python -I -S -c TEXT RULESET FILTER CALL LIMITS PROGRAM ARGUMENT...`.

Alone, without the rest of this program: it starts in a hundredth of a second. The first two are descriptors, -1 where a
kernel cannot do it: a Landlock ruleset, and a pipe with a filter's instructions; CALL is the number of seccomp; LIMITS
are `resource=most` with commas between. `edge.confining.program` gives all of them.
"""

import ctypes
import os
import resource
import struct
import sys

NO_NEW_PRIVILEGES, SECCOMP, MODE_FILTER = 38, 22, 2
RESTRICT_SELF = 446
SET_MODE_FILTER, SPECULATES = 1, 4
OUT_OF_MEMORY_SCORE = 500
"""When memory runs out the kernel ends this program before the one that shows the picture."""
NOT_STARTED = 127


def main(ruleset: int, instructions: int, call: int, limits: str, command: list[str]) -> None:
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - pathlib takes as long to load as all else
            file.write(f"{OUT_OF_MEMORY_SCORE}\n")
    except OSError:
        pass  # it is there without /proc too
    for name, most in (one.split("=") for one in limits.split(",")):
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = int(most) if hard == resource.RLIM_INFINITY else min(int(most), hard)
        resource.setrlimit(number, (value, value))
    libc = ctypes.CDLL(None, use_errno=True)
    wide = ctypes.c_long
    libc.syscall.restype = wide
    check(libc.prctl(NO_NEW_PRIVILEGES, wide(1), wide(0), wide(0), wide(0)))
    if ruleset >= 0:
        os.set_inheritable(ruleset, False)
        check(libc.syscall(wide(RESTRICT_SELF), wide(ruleset), wide(0)))
    if instructions >= 0:
        with open(instructions, "rb") as pipe:
            program = pipe.read()
        lines = ctypes.create_string_buffer(program, len(program))
        head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(lines)))
        if libc.syscall(wide(call), wide(SET_MODE_FILTER), wide(SPECULATES), head) != 0:
            check(libc.prctl(SECCOMP, wide(MODE_FILTER), head))
    os.execv(command[0], command)


def check(answer: int) -> None:
    if answer != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])
    except (OSError, ValueError) as error:
        print(f"[fatal] it cannot be started: {error}", file=sys.stderr)
        sys.exit(NOT_STARTED)
