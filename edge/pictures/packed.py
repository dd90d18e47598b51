"""A picture as text, for manifests and sidecars."""

from __future__ import annotations

import base64
import struct

import cv2
import numpy as np

from edge.pictures.image import Image


def packed_picture(image: Image) -> str:
    """PNG in base64."""
    done, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    return base64.b64encode(encoded.tobytes()).decode()


def picture_from_text(text: str, shape: tuple[int, ...]) -> Image:
    """The reverse of `packed_picture`; raises ValueError, "is no picture ...", where it has another shape."""
    refusal = f"is no picture of {shape[1]}x{shape[0]}"
    try:
        content = base64.b64decode(text)
        width_px, height_px = struct.unpack(">II", content[16:24])
    except (ValueError, struct.error) as error:
        raise ValueError(refusal) from error
    if (width_px, height_px) != (shape[1], shape[0]):  # before memory is taken for it
        raise ValueError(f"{refusal} but of {width_px}x{height_px}")
    try:
        stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        stored = None
    if stored is None or stored.shape != shape:
        raise ValueError(refusal)
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), np.uint8)
