"""The process in which a model is proven before it is installed; `edge.updates.proving` starts it.

It takes its limits, loads the program, and becomes the user that its order names before it looks at the first foreign
byte.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
GPU_NODES = ("/dev/nvidiactl", "/dev/nvmap", "/dev/nvhost-gpu")
SPARE_BYTES = 2 << 30
"""Of addresses that no memory stands behind: libraries, stacks."""
OOM_SCORE = 1000
"""When memory runs out the kernel ends this process first."""
MAX_ORDER_BYTES = 1 << 16


def limit_process() -> None:
    """Take time, memory and files from this process, and end it with the one that started it."""
    seconds, memory_bytes = float(os.environ["EDGE_SECONDS"]), int(os.environ["EDGE_MEMORY_BYTES"])
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{OOM_SCORE}\n", encoding="ascii")
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CPU, math.ceil(seconds * (os.cpu_count() or 1)) + 10)
    if not any(Path(node).exists() for node in GPU_NODES):  # CUDA reserves more addresses than any machine has memory
        _lower(resource.RLIMIT_AS, memory_bytes + SPARE_BYTES)


def _lower(limit: int, most: int) -> None:
    hard = resource.getrlimit(limit)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(limit, (value, value))


def _tie_to_parent() -> None:
    """Becoming another user unties, so it is done after it too."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != int(os.environ["EDGE_PARENT"]):  # it ended before the line above
        sys.exit(1)


def _order(line: socket.socket) -> tuple[dict[str, Any], int]:
    """What is to be done, and the descriptor of the folder; ends this process where nobody says."""
    said, fds, _, _ = socket.recv_fds(line, MAX_ORDER_BYTES, 1)
    if not said or len(fds) != 1:
        sys.exit(0)
    while not said.endswith(b"\n") and (more := line.recv(MAX_ORDER_BYTES)):
        said += more
    return dict(json.loads(said)), fds[0]


def _say(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> int:
    _tie_to_parent()
    limit_process()
    import edge.engines.cpu  # noqa: F401 - its interpreter may be closed to whom this process becomes
    from edge.basics.errors import EdgeError
    from edge.basics.owner import Account, become
    from edge.config import Config, EngineConfig, UnitConfig
    from edge.engines.threads import settle_opencv
    from edge.models.bundle import BUNDLE_NAME, MAX_CONTENTS_BYTES, read_contents
    from edge.updates.proof import draw_frames, prove

    settle_opencv()
    draw_frames()  # loads what is loaded late
    order, folder_fd = _order(socket.socket(fileno=os.dup(0)))
    if os.geteuid() == 0:
        become(Account(**order["account"]))
        _tie_to_parent()
    config = Config(engine=EngineConfig(**order["engine"]), unit=UnitConfig(serial=order["serial"]))
    folder = Path(f"/proc/self/fd/{folder_fd}")  # whose user may not pass the folders above it
    try:
        with (folder / BUNDLE_NAME).open("rb") as file:
            contents = read_contents(file.read(MAX_CONTENTS_BYTES), order["origin"])
        for line in prove(folder, contents, config):
            _say(line=line.replace(str(folder), order["origin"]))
        _say(done=True)
    except EdgeError as error:
        _say(error=str(error).replace(str(folder), order["origin"]), kind=type(error).__name__)
    except MemoryError:
        _say(error="there was not enough memory for it", kind="ModelError")
    except Exception as error:  # noqa: BLE001 - whatever a library raises is told over the line
        _say(error=f"{type(error).__name__}: {str(error)[:200]}", kind="ModelError")
    return 0
