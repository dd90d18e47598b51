"""Which system calls are refused to whom: to all that runs what came from outside, and to what drives no device."""

from __future__ import annotations

import errno
import os

from edge.confining.seccomp import Refused

_CLONE_THREAD = 0x10000
_OPEN_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SHARED_WITHOUT_FILE = 0x21
_TYPES_FOR_THE_TERMINAL = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX: what is typed so, the shell runs that the program was started from."""
_NAMES_WHO_IS_SIGNALLED = (0x8901, 0x8902)
_SETS_OWNER, _SETS_SIGNAL, _SETS_OWNER_EX = 8, 10, 15
_SETS_LEASE, _NOTIFIES = 1024, 1026
"""A lease on a file makes who would write it wait."""
_PR_SET_PDEATHSIG = 1
"""Without it, it would outlive the program."""

_NETWORK = ("accept", "accept4", "bind", "connect", "listen", "sendmmsg", "sendmsg", "socket")
PROGRAMS = ("execve", "execveat", "fork", "vfork")
_OTHERS = (
    "kcmp", "migrate_pages", "move_pages", "ioprio_set", "pidfd_getfd", "pidfd_open", "pidfd_send_signal",
    "process_madvise", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "setpriority", "tkill",
)  # fmt: skip
"""Reading, changing, hurrying or ending other processes."""
_KERNEL = (
    "acct", "add_key", "adjtimex", "bpf", "capset", "chroot", "clock_adjtime", "clock_settime", "delete_module",
    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "iopl", "ioperm",
    "kexec_file_load", "kexec_load", "keyctl", "modify_ldt", "mount", "mount_setattr", "move_mount",
    "name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pivot_root", "quotactl",
    "reboot", "request_key", "setdomainname", "setfsgid", "setfsuid", "setgid", "setgroups", "sethostname", "setns",
    "setregid", "setresgid", "setresuid", "setreuid", "settimeofday", "setuid", "swapoff", "swapon", "syslog",
    "umount2", "unshare", "userfaultfd", "vhangup",
)  # fmt: skip
"""The machine's state, other users, and what finds its way around the rest."""
_AROUND = ("clone3", "io_uring_enter", "io_uring_register", "io_uring_setup")
"""Their arguments lie where a filter cannot look; libraries do without them where a kernel has none."""
_SHARING = (
    "memfd_create", "memfd_secret", "mq_open", "mq_unlink", "msgget", "semget", "shmat", "shmctl", "shmget",
)  # fmt: skip
_WRITING = (
    "chmod", "chown", "creat", "fallocate", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fremovexattr",
    "fsetxattr", "ftruncate", "futimesat", "lchown", "link", "linkat", "lremovexattr", "lsetxattr", "mkdir", "mkdirat",
    "mknod", "mknodat", "removexattr", "rename", "renameat", "renameat2", "rmdir", "setxattr", "symlink", "symlinkat",
    "truncate", "unlink", "unlinkat", "utime", "utimensat", "utimes",
)  # fmt: skip
_SCHEDULING = ("sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")

WRITING_OPENS = tuple(
    Refused(call, errno.EACCES, argument, (0,), unless=True, mask=_OPEN_TO_WRITE)
    for call, argument in (("open", 1), ("openat", 2))
)
"""No file is opened to be written or made: what holds where a kernel has no Landlock."""


def refused_to_all(myself: int) -> tuple[Refused, ...]:
    """What nothing of it needs, but for programs: other processes, the kernel, and ways around the rest.

    Args:
        myself: the process's number, the only one that it may signal; 0 where it is not known, and is its own group.
    """
    refused = [Refused(call) for call in (*_OTHERS, *_KERNEL)]
    refused += [Refused(call, errno.ENOSYS) for call in _AROUND]
    refused += [
        Refused("clone", argument=0, mask=_CLONE_THREAD, values=(_CLONE_THREAD,), unless=True),
        Refused("fcntl", argument=1, values=(_SETS_OWNER, _SETS_SIGNAL, _SETS_OWNER_EX, _SETS_LEASE, _NOTIFIES)),
        Refused("prctl", argument=0, values=(_PR_SET_PDEATHSIG,)),
        Refused("ioctl", argument=1, values=(*_TYPES_FOR_THE_TERMINAL, *_NAMES_WHO_IS_SIGNALLED)),
        *(Refused(call, argument=0, values=(myself,), unless=True) for call in ("kill", "tgkill")),
        Refused("prlimit64", argument=0, values=(0, myself), unless=True),
    ]
    return tuple(refused)


def refused_without_devices(myself: int) -> tuple[Refused, ...]:
    """What a device's driver would need: sockets, memory shared by names, files made and changed."""
    refused = [Refused(call, errno.EACCES) for call in (*_NETWORK, *_SHARING, *_WRITING)]
    refused += [Refused("sendto", errno.EACCES, 4, (0,), unless=True)]  # but to whom it is connected
    refused += [Refused("openat2", errno.ENOSYS)]
    refused += [Refused("mmap", argument=3, mask=_SHARED_WITHOUT_FILE, values=(_SHARED_WITHOUT_FILE,))]
    return (*refused, *(Refused(call, argument=0, values=(0, myself), unless=True) for call in _SCHEDULING))
