"""`python -m benchmarks.runtime.runtimes`: onnxruntime against OpenVINO, on the shipped dehazer.

Needs `pip install openvino`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openvino

from benchmarks.runtime.parts import cpu_and_wall_ms
from edge.basics.markdown import table
from edge.engines.cpu import open_session
from edge.health.machine import available_cpus
from edge.models.profile import SHIPPED

GRAPH = SHIPPED / "live" / "dehaze.onnx"


def main() -> None:
    rng = np.random.default_rng(0)
    inputs = {
        "shrunk": rng.integers(0, 256, (1, 270, 480, 3), dtype=np.uint8),
        "activity": rng.integers(0, 256, (1, 270, 480, 1), dtype=np.uint8),
    }
    rows: list[list[object]] = []
    for num_threads in sorted({1, available_cpus()}):
        session = open_session(GRAPH, num_threads)
        hints = {"INFERENCE_NUM_THREADS": num_threads, "PERFORMANCE_HINT": "LATENCY"}
        request = openvino.Core().compile_model(str(GRAPH), "CPU", hints).create_infer_request()
        runtimes: dict[str, Callable[[], object]] = {
            "onnxruntime": lambda session=session: session.run(None, inputs),  # type: ignore[misc]
            "openvino": lambda request=request: request.infer(inputs),  # type: ignore[misc]
        }
        for name, run in runtimes.items():
            cpu_ms, wall_ms = cpu_and_wall_ms(run)
            rows.append([name, num_threads, cpu_ms, wall_ms])
    print(table(["runtime", "threads", "CPU ms", "wall ms"], rows))


if __name__ == "__main__":
    main()
