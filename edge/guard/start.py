"""How the engine's process starts: it confines itself before it loads what reads a foreign file.

    python -I isolated.py PATH edge.guard.start LINE RAW MADE NUM_FRAMES PARENT PLAN

Numbers are descriptors, frames and a process; the plan is a `Plan`'s text. Nothing here may load numpy, which starts
threads that would stay free.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.basics.logs import set_up_logging
from edge.basics.python_child import LEFT_TO_THE_PROGRAM, end_with
from edge.guard.sandbox import Plan, confine

_OOM_SCORE = 500
"""When memory runs out the kernel ends this process before the one that shows the picture."""


def prepare_process(parent: int) -> None:
    """End with the program that started this process, leave its signals to it, and be the first to go for memory."""
    for number in LEFT_TO_THE_PROGRAM:
        signal.signal(number, signal.SIG_IGN)
    end_with(parent)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{_OOM_SCORE}\n", encoding="ascii")


def begin(argv: Sequence[str], also_readable: Sequence[str] = ()) -> tuple[str, ...]:
    """Do all that comes before the engine's libraries are loaded.

    Args:
        also_readable: files that the plan does not name, for an engine that tests break.

    Returns:
        What the process could not be kept from; see `edge.guard.sandbox.confine`.
    """
    prepare_process(int(argv[4]))
    set_up_logging(debug=False)
    plan = Plan.from_text(argv[5])
    return confine(replace(plan, readable=(*plan.readable, *also_readable)))


def main(argv: Sequence[str]) -> int:
    not_held = begin(argv)
    from edge.guard.worker import serve

    return serve(argv[:4], not_held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
