"""What `edge.guard.confined` starts: confines itself, then imports and runs the function that it is told."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any

from edge.basics.errors import EdgeError
from edge.guard.confined import ERROR_KINDS
from edge.guard.sandbox import Plan, confine
from edge.guard.start import end_with


def main() -> int:
    order = json.loads(sys.stdin.buffer.read())
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is not taken for an answer
    end_with(order["parent"])
    limit_memory(order["memory_bytes"])
    confine(Plan.from_text(order["plan"]))

    def tell(kind: str, text: str) -> None:
        os.write(answers, json.dumps({"kind": kind, "text": text}).encode() + b"\n")

    try:
        for line in _function(order["function"])(order["argument"]):
            tell("line", line)
    except EdgeError as error:
        kind = next((name for name, one in ERROR_KINDS.items() if isinstance(error, one)), "ModelError")
        tell(kind, str(error))
    except MemoryError:
        tell("ModelError", f"it took more than {order['memory_bytes'] >> 20} MiB of memory, and was ended")
    except Exception as error:  # noqa: BLE001 - whatever a library raises over a foreign file is told over the line
        tell("ModelError", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    else:
        tell("done", "")
    return 0


def limit_memory(num_bytes: int) -> None:
    """Bound what is this process's own; more than it may have already is no limit."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or num_bytes < most:
        resource.setrlimit(resource.RLIMIT_DATA, (num_bytes, num_bytes))


def _function(name: str) -> Callable[[Any], Iterator[str]]:
    module, function = name.split(":")
    found: Callable[[Any], Iterator[str]] = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    sys.exit(main())
