"""A seccomp filter: system calls that a process, all its threads and what it starts are refused from then on.

Written as BPF by hand, so that it holds wherever the kernel has seccomp: libseccomp is not on every unit, and its
binding for Python comes with Debian's own interpreter alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBERS = """
accept 43 202, accept4 288 242, bind 49 200, connect 42 203, listen 50 201, sendmmsg 307 269,
sendmsg 46 211, sendto 44 206, socket 41 198,
execve 59 221, execveat 322 281, fork 57 -, vfork 58 -, clone 56 220, clone3 435 435,
kcmp 312 272, kill 62 129, tkill 200 130, tgkill 234 131, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240,
pidfd_getfd 438 438, pidfd_open 434 434, pidfd_send_signal 424 424, process_madvise 440 440, process_mrelease 448 448,
process_vm_readv 310 270, process_vm_writev 311 271, ptrace 101 117, prlimit64 302 261, setpriority 141 140,
ioprio_set 251 30, migrate_pages 256 238, move_pages 279 239, sched_setaffinity 203 122, sched_setattr 314 274,
sched_setparam 142 118, sched_setscheduler 144 119,
add_key 248 217, bpf 321 280, fanotify_init 300 262, io_uring_enter 426 426, io_uring_register 427 427,
io_uring_setup 425 425, iopl 172 -, ioperm 173 -, keyctl 250 219, modify_ldt 154 -, perf_event_open 298 241,
personality 135 92, request_key 249 218, userfaultfd 323 282, name_to_handle_at 303 264, open_by_handle_at 304 265,
acct 163 89, chroot 161 51, delete_module 176 106, finit_module 313 273, fsconfig 431 431, fsmount 432 432,
fsopen 430 430, fspick 433 433, init_module 175 105, kexec_file_load 320 294, kexec_load 246 104, mount 165 40,
mount_setattr 442 442, move_mount 429 429, open_tree 428 428, pivot_root 155 41, quotactl 179 60, reboot 169 142,
setns 308 268, swapoff 168 225, swapon 167 224, syslog 103 116, umount2 166 39, unshare 272 97, vhangup 153 58,
adjtimex 159 171, clock_adjtime 305 266, clock_settime 227 112, setdomainname 171 162, sethostname 170 161,
settimeofday 164 170, capset 126 91, setfsgid 123 152, setfsuid 122 151, setgid 106 144, setgroups 116 159,
setregid 114 143, setresgid 119 149, setresuid 117 147, setreuid 113 145, setuid 105 146,
mq_open 240 180, mq_unlink 241 181, msgget 68 186, semget 64 190, shmat 30 196, shmctl 31 195, shmget 29 194,
memfd_create 319 279, memfd_secret 447 447,
chmod 90 -, chown 92 -, creat 85 -, fallocate 285 47, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, fchown 93 55,
fchownat 260 54, fremovexattr 199 16, fsetxattr 190 7, ftruncate 77 46, futimesat 261 -, lchown 94 -, link 86 -,
linkat 265 37, lremovexattr 198 15, lsetxattr 189 6, mkdir 83 -, mkdirat 258 34, mknod 133 -, mknodat 259 33,
removexattr 197 14, rename 82 -, renameat 264 38, renameat2 316 276, rmdir 84 -, setxattr 188 5, symlink 88 -,
symlinkat 266 36, truncate 76 45, unlink 87 -, unlinkat 263 35, utime 132 -, utimensat 280 88, utimes 235 -,
open 2 -, openat 257 56, openat2 437 437, fcntl 72 25, ioctl 16 29, mmap 9 222, prctl 157 167,
seccomp 317 277
"""
"""Each call's number on x86-64 and on 64-bit Arm, which lacks the older of some pairs (the kernel's headers)."""
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of `_NUMBERS`, and the kernel's name of the architecture."""
_X32_BIT = 0x40000000

_LOAD, _AND, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_AT_NUMBER, _AT_MACHINE, _AT_ARGUMENTS = 0, 4, 16
_SET_MODE_FILTER, _ALL_THREADS, _SPECULATES = 1, 1, 4
"""Before Linux 5.16 a filter slows its process down on x86, against leaks within it, unless it says otherwise."""
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True, slots=True)
class Refused:
    """A system call that fails.

    Attributes:
        argument: which one is looked at, its lower 32 bits; None: the call fails whatever it is given.
        mask: what of the argument counts.
        values: of what counts, with which it fails; with `unless`, with which alone it does not.
    """

    call: str
    error: int = errno.EPERM
    argument: int | None = None
    values: tuple[int, ...] = ()
    unless: bool = False
    mask: int = 0xFFFFFFFF


def can_filter() -> bool:
    """Whether this kernel filters system calls, and this machine's are known."""
    if platform.machine() not in _MACHINES:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, None)
    return ctypes.get_errno() == errno.EFAULT  # it would take a filter, and was given none


def forbid_new_privileges() -> None:
    """No program that is started has more rights than this one, set-user-id or not; others may then be taken away.

    Raises:
        OSError: refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def refuse_calls(refused: tuple[Refused, ...]) -> None:
    """Install the filter, for good. No new privileges must be set before.

    Raises:
        OSError: this machine's calls are not known, or the kernel refuses.
    """
    program = filter_for(refused, platform.machine())
    instructions = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions)))
    if _seccomp(_SET_MODE_FILTER, _ALL_THREADS | _SPECULATES, head) == 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)  # the older way, for this thread and those to come, where that is refused
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, head):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def filter_for(refused: tuple[Refused, ...], machine: str) -> bytes:
    """The filter's program, 8 bytes an instruction (linux/filter.h).

    Raises:
        OSError: the calls of this machine are not known.
    """
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"the system calls of {machine} are not known")
    column, architecture = _MACHINES[machine]
    numbers = call_numbers(column)
    program = _load(_AT_MACHINE) + _jump(_IF_EQUAL, architecture, 1, 0) + _answer(_KILL_PROCESS) + _load(_AT_NUMBER)
    program += _jump(_IF_AT_LEAST, _X32_BIT, 0, 1) + _answer(_ERRNO | errno.EPERM)
    for one in refused:
        if one.call in numbers:
            body = b"".join(_body(one))
            program += _jump(_IF_EQUAL, numbers[one.call], 0, len(body) // 8) + body
    return program + _answer(_ALLOW)


def call_numbers(column: int) -> dict[str, int]:
    """Name -> number; a call that the architecture lacks is not in it."""
    rows = (row.split() for row in _NUMBERS.replace("\n", " ").split(","))
    return {row[0]: int(row[1 + column]) for row in rows if row[1 + column] != "-"}


def number_of(call: str) -> int:
    """Of a call on this machine; -1 where its calls are not known, or it lacks it."""
    machine = platform.machine()
    return call_numbers(_MACHINES[machine][0]).get(call, -1) if machine in _MACHINES else -1


def _body(one: Refused) -> Iterator[bytes]:
    """What follows where the call's number is this one; the number is loaded again where it may go on."""
    refusal = _answer(_ERRNO | one.error)
    if one.argument is None:
        yield refusal
        return
    yield _load(_AT_ARGUMENTS + 8 * one.argument) + struct.pack("HBBI", _AND, 0, 0, one.mask)
    left = len(one.values)
    for value in one.values:
        if one.unless:
            yield _jump(_IF_EQUAL, value, left, 0)
            left -= 1
        else:
            yield _jump(_IF_EQUAL, value, 0, 1) + refusal
    if one.unless:
        yield refusal
    yield _load(_AT_NUMBER)


def _load(offset: int) -> bytes:
    return struct.pack("HBBI", _LOAD, 0, 0, offset)


def _jump(condition: int, value: int, if_so: int, if_not: int) -> bytes:
    return struct.pack("HBBI", condition, if_so, if_not, value)


def _answer(value: int) -> bytes:
    return struct.pack("HBBI", _RETURN, 0, 0, value)


def _seccomp(operation: int, flags: int, what: object) -> int:
    number = number_of("seccomp")
    if number < 0:
        return -1
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(*map(ctypes.c_long, (number, operation, flags)), what))
