"""The real engine's process around an engine that does what the first pixel of a frame tells it.

It inverts the picture; other numbers are in `ORDERS`, of which those named so harm a GPU alone. What the environment
variable OPENING names happens while the engine opens.
"""

import os
import signal
import sys
import time
from pathlib import Path

from edge.basics.errors import DeviceMissing, EngineFailed, EngineLost, ModelError
from edge.engines.engine import Enhanced
from edge.engines.open import Proof
from edge.guard import start, worker

SCRIPTED = Path(__file__)
"""To be run in the worker's place."""
ORDERS = {
    "fail": 1, "lose": 2, "hang": 3, "exit": 4, "segfault": 5, "late": 6, "defect": 7, "lose gpu": 8, "crash gpu": 9,
    "lose gpu, crash cpu": 10,
}  # fmt: skip


class Scripted:
    profile, model_sha256 = "live", "0" * 64

    def __init__(self, device):
        self.device = device

    def enhance(self, image, out=None):
        order = int(image[0, 0, 0])
        if order in (ORDERS["lose gpu"], ORDERS["lose gpu, crash cpu"]) and self.device == "gpu":
            raise EngineLost("the GPU is gone")
        if order == (ORDERS["crash gpu"] if self.device == "gpu" else ORDERS["lose gpu, crash cpu"]):
            os.kill(os.getpid(), signal.SIGSEGV)
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
    if rung.runtime and opening == "no gpu":
        raise DeviceMissing("no GPU")
    if rung.runtime and opening == "lost gpu":
        raise EngineLost("the GPU does not answer")
    if rung.runtime and opening == "no plan":
        raise ModelError("/engines: no engine for profile live; run: edge-export engine live")
    return Scripted("gpu" if rung.runtime else "cpu")


def prove_rung(engine, profile, config, rung):
    if os.environ.get("OPENING") == "golden hangs":
        time.sleep(3600)
    return Proof(50.0, 40_000.0 if os.environ.get("OPENING") == "slow" else 1.0)


if __name__ == "__main__":
    worker.open_rung, worker.prove_rung = open_rung, prove_rung
    sys.exit(worker.serve(sys.argv[1:5], start.begin(sys.argv[1:])))
