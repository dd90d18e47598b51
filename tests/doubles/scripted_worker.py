"""The real engine's process around an engine that does what the first pixel of a frame tells it.

It inverts the picture; other numbers are in `ORDERS`. What the environment variable OPENING names happens while the
engine opens.
"""

import os
import signal
import sys
import time
from pathlib import Path

from edge.basics.errors import DeviceMissing, EngineFailed, EngineLost, ModelError
from edge.engines import open as opening
from edge.engines.engine import Enhanced
from edge.guard import worker

SCRIPTED = Path(__file__)
"""To be run in the worker's place."""
ORDERS = {"fail": 1, "lose": 2, "hang": 3, "exit": 4, "segfault": 5, "late": 6, "defect": 7}


class Scripted:
    profile, model_sha256 = "live", "0" * 64

    def __init__(self, device):
        self.device = device

    def enhance(self, image, out=None):
        order = int(image[0, 0, 0])
        if order == ORDERS["fail"]:
            raise EngineFailed("this frame failed")
        if order == ORDERS["lose"]:
            raise EngineLost("the GPU is gone")
        if order == ORDERS["hang"]:
            time.sleep(3600)
        if order == ORDERS["exit"]:
            os._exit(7)
        if order == ORDERS["segfault"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        if order == ORDERS["late"]:
            time.sleep(0.6)
        if order == ORDERS["defect"]:
            raise ZeroDivisionError("a defect\nof two lines")
        made = 255 - image
        if out is not None:
            out[:] = made
        return Enhanced(made if out is None else out, {"invert": 1.0})

    def close(self):
        pass


def open_rung(profile, config, rung, frames=()):
    opening = os.environ.get("OPENING", "")
    if opening == "crash":
        os._exit(9)
    if opening == "model":
        raise ModelError("model.onnx: is wrong")
    if opening == "hang":
        time.sleep(3600)
    if rung.backend != "cpu" and opening == "no gpu":
        raise DeviceMissing("no GPU")
    if rung.backend != "cpu" and opening == "lost gpu":
        raise EngineLost("the GPU does not answer")
    return Scripted("cpu" if rung.backend == "cpu" else "gpu")


def check_golden(engine, profile, *, softer=False):
    if os.environ.get("OPENING") == "golden hangs":
        time.sleep(3600)
    return 50.0


if __name__ == "__main__":
    opening.open_rung = worker.open_rung = open_rung
    opening.open_cpu_engine = lambda profile, num_threads: Scripted("cpu")
    worker.check_golden = check_golden
    sys.exit(worker.main(sys.argv[1:]))
