"""The yardstick: what a user would write instead, one loop of OpenCV, onnxruntime and numpy."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from edge.engines.onnx_runtime import onnxruntime
from edge.models.profile import SHIPPED


def naive_loop(clip: Path, seconds: float) -> float:
    """Capture, shrink, the same network, the same guided step, JPEG. Returns frames/s."""
    session = onnxruntime.InferenceSession(str(SHIPPED / "live" / "dehaze.onnx"))
    capture = cv2.VideoCapture(str(clip))
    num_frames, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        ok, bgr = capture.read()
        if not ok:
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            continue
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        shrunk = cv2.resize(rgb, (480, 270), interpolation=cv2.INTER_AREA)
        row = rgb[1::4].astype(np.int16)
        steps = np.zeros_like(row)
        steps[:, :-1] = np.abs(row[:, 1:] - row[:, :-1])
        activity = np.minimum(steps.reshape(270, 480, 12).sum(2), 255).astype(np.uint8)
        slope, intercept = session.run(None, {"shrunk": shrunk[None], "activity": activity[None, ..., None]})
        slope = cv2.resize(slope, (1920, 1080), interpolation=cv2.INTER_LINEAR)
        intercept = cv2.resize(intercept, (1920, 1080), interpolation=cv2.INTER_LINEAR)
        enhanced = np.clip(np.rint(rgb * slope + intercept), 0, 255).astype(np.uint8)
        cv2.imencode(".jpg", cv2.cvtColor(enhanced, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
        num_frames += 1
    capture.release()
    return num_frames / (time.perf_counter() - begin)
