"""What more than one fuzz test damages."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from datetime import datetime, timezone
from random import Random
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow

from edge.calibration.calibration import Calibration, Lens
from edge.calibration.file import calibration_bytes
from edge.config import Config
from edge.models.profile import SHIPPED
from tests.doubles import heic_samples
from tests.doubles.icc_profiles import ADOBE_RGB, cmyk_profile, matrix_profile
from tests.doubles.picture_files import jpeg_with, png, tiff
from tests.fuzz.harness import chance
from tests.fuzz.mutations import STRANGE_NUMBERS, STRANGE_TEXTS, damaged_bytes, damaged_text, noise

CALIBRATION = Calibration(
    unit="A-1",
    camera_mode="1920x1080 MJPG",
    made_at=datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc),
    tool="edge-calib 0.1.0",
    parts=("dark", "flat", "white", "chart", "lens"),
    dark=np.float32([0.02, 0.03, 0.025]),
    gain=np.linspace(1, 2, 9 * 16 * 3, dtype=np.float32).reshape(9, 16, 3),
    white=np.float32([1.3, 1.0, 1.6]),
    matrix=np.float32([[1.2, -0.1, -0.1], [-0.2, 1.3, -0.1], [0.0, -0.3, 1.3]]),
    hot_px=np.int32([[5, 7], [1079, 1919]]),
    lens=Lens("radial", (1100.25, 1101.5), (950.125, 545.0), (-0.2, 0.05, 1e-4, -2e-4, 0.0), 0.07),
    flat=np.float32([[1.0, 0.5], [0.75, 1.0]]),
    figures={"hot_pixels": 2, "read_noise": 1e-05, "by": "hand"},
)
CONTENT = calibration_bytes(CALIBRATION)
FIRST, _, BODY = CONTENT.partition(b"\n")
HEADER, PAYLOAD = (lambda size: (BODY[:size], BODY[size:]))(int(FIRST.rpartition(b"=")[2]))
ARRAYS = {"gain": CALIBRATION.gain, "hot_px": CALIBRATION.hot_px, "flat": CALIBRATION.flat.astype(np.float16)}


def file_of(header: bytes, payload: bytes) -> bytes:
    """The content with a hash that fits, as a faulty tool would write it."""
    body = header + payload
    return f"# edge-calib 1 sha256={hashlib.sha256(body).hexdigest()} header={len(header)}\n".encode() + body


def damaged_arrays(draw: Random) -> bytes:
    """The arrays with other shapes, types and numbers, one missing, or one that is no array."""
    arrays: dict[str, Any] = dict(ARRAYS)
    for name in draw.sample(list(arrays), draw.randint(1, 2)):
        array = arrays[name].copy()
        what = draw.randrange(7)
        if what == 0:
            del arrays[name]
            continue
        if what == 1:
            array = array.astype(
                draw.choice((np.float64, np.int8, np.complex64, np.bool_, "U5", "S3", ">f4", "V3", "M8[s]"))
            )
        elif what == 2:
            array = np.resize(array, draw.choice(((), (0,), (1,), (3, 3), (0, 2), (2, 0, 3), (1, 1, 3), (2, 2, 2, 2))))
        elif what == 3 and array.size:
            with np.errstate(all="ignore"):
                number = draw.choice(STRANGE_NUMBERS)
                array = array.astype(np.float64)
                array.flat[draw.randrange(array.size)] = min(max(number, -1e300), 1e300) if number == number else number
        elif what == 4:
            array = -array
        elif what == 5:
            array = np.asfortranarray(array)
        else:
            array = np.resize(array, (draw.randrange(5), draw.randrange(4)))
        arrays[name] = array
    payload = io.BytesIO()
    save = np.savez_compressed if chance(draw, 0.5) else np.savez
    save(payload, **arrays)
    return payload.getvalue()


DEFAULTS = {
    f"{section.name}.{key.name}": getattr(section.default_factory(), key.name)
    for section in dataclasses.fields(Config)
    for key in dataclasses.fields(section.default_factory())
}
STRANGE_LITERALS = (
    "1e999", "-nan", "+inf", "0x" + "f" * 5000, "0b1", "0o7", "1_000", "9" * 400, "9" * 5000, "1979-05-27T07:32:00Z",
    "1979-05-27", "07:32:00", "[]", "{}", "{a=1}", '"""\na\n"""', "'''\na'''", '"\\u0000"', '"\\uD800"',
    '"\\U0010FFFF"', "true", "false", "nonsense", "", "\0",
)  # fmt: skip
QUIET_SCHEMES = ("demo", "rtsp", "http", "camera", "/dev")
"""What needs a device, the network or seconds to open is left to other tests."""


def literal(draw: Random, default: Any) -> str:
    """TOML for a value, the default's type more often than not."""
    kind = draw.randrange(8)
    if chance(draw, 0.005):
        return draw.choice(("[" * 3000 + "]" * 3000, "{a=" * 2000 + "1" + "}" * 2000))
    if kind < 2:
        return draw.choice(STRANGE_LITERALS)
    if kind == 2:
        return repr(draw.choice(STRANGE_NUMBERS)).lower()
    if kind == 3 and isinstance(default, str):
        return quoted(damaged_text(default, draw))
    if kind == 4:
        return quoted(draw.choice(STRANGE_TEXTS))
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return (
            "["
            + ", ".join(str(draw.choice((0, 500, 1000, 1001, -1, 0.5, '"a"'))) for _ in range(draw.randrange(9)))
            + "]"
        )
    if isinstance(default, (int, float)):
        return str(draw.choice((default, default + 1, -default, default * 2, default / 2, draw.uniform(-10, 2000))))
    return quoted(default)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def document(draw: Random) -> bytes:
    """A configuration with some keys right and some not, in sections or dotted."""
    lines = []
    for dotted in draw.sample(list(DEFAULTS), draw.randrange(1, 6)):
        section, key = dotted.split(".")
        if chance(draw, 0.1):
            key = draw.choice((key[:-1], key + "s", quoted(draw.choice(STRANGE_TEXTS)), key.upper(), ""))
        if chance(draw, 0.05):
            section = draw.choice(("", "x", section[:-1], quoted(draw.choice(STRANGE_TEXTS)), f"[{section}]"))
        value = literal(draw, DEFAULTS[dotted])
        lines.append(draw.choice((f"{section}.{key} = {value}", f"[{section}]\n{key} = {value}")))
        if chance(draw, 0.03):
            lines.append(lines[-1])
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    return damaged_bytes(content, draw, 2) if chance(draw, 0.15) else content


GRAPH = b"the graph, whose hash alone is looked at"
SHA = hashlib.sha256(GRAPH).hexdigest()
MANIFEST: dict[str, Any] = {
    **json.loads((SHIPPED / "live" / "model.json").read_text()),
    "sha256": SHA,
    "dehaze_sha256": SHA,
    "precisions": {"fp16": {"sha256": SHA}, "int8": {"sha256": SHA}},
    "calibration": {
        "unit": "A-1", "camera_mode": "1920x1080 MJPG", "made_at": "2026-03-01T12:00:00+00:00", "sha256": SHA,
    },
}  # fmt: skip


def by_pillow(kind: str, *frames: np.ndarray, mode: str | None = None, **options: Any) -> bytes:
    """A file of Pillow's; several frames make an animation."""
    file = io.BytesIO()
    pictures = [Pillow.fromarray(frame).convert(mode) if mode else Pillow.fromarray(frame) for frame in frames]
    more = {"save_all": True, "append_images": pictures[1:], "duration": 100} if len(frames) > 1 else {}
    pictures[0].save(file, kind, **more, **options)
    return file.getvalue()


_COLOURS = np.random.default_rng(1).integers(0, 256, (18, 32, 4), np.uint8)
_PROGRESSIVE = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
SAMPLES: dict[str, tuple[bytes, ...]] = {
    ".png": tuple(
        cv2.imencode(".png", image)[1].tobytes()
        for image in (_COLOURS[..., :3], _COLOURS, _COLOURS[..., 0], _COLOURS.astype(np.uint16) * 257)
    ),
    ".jpg": (
        cv2.imencode(".jpg", _COLOURS[..., :3])[1].tobytes(),
        cv2.imencode(".jpg", _COLOURS[..., :3], _PROGRESSIVE)[1].tobytes(),
        cv2.imencode(".jpg", _COLOURS[..., 0])[1].tobytes(),
    ),
    ".bmp": (cv2.imencode(".bmp", _COLOURS[..., :3])[1].tobytes(), cv2.imencode(".bmp", _COLOURS[..., 0])[1].tobytes()),
    ".tif": (
        cv2.imencode(".tif", _COLOURS[..., :3])[1].tobytes(),
        cv2.imencode(".tif", _COLOURS.astype(np.uint16))[1].tobytes(),
        cv2.imencode(".tif", _COLOURS[..., 0].astype(np.float32))[1].tobytes(),
    ),
    ".webp": (
        cv2.imencode(".webp", _COLOURS[..., :3])[1].tobytes(),
        cv2.imencode(".webp", _COLOURS)[1].tobytes(),
        by_pillow("WEBP", _COLOURS, _COLOURS[::-1]),
    ),
    ".gif": (by_pillow("GIF", _COLOURS[..., :3]), by_pillow("GIF", _COLOURS, _COLOURS[::-1])),
    ".avif": (by_pillow("AVIF", _COLOURS[..., :3]), by_pillow("AVIF", _COLOURS, _COLOURS[::-1])),
    ".heic": (heic_samples.TURNED, heic_samples.TWO_PICTURES, heic_samples.DISPLAY_P3),
}  # fmt: skip
SAMPLES[".png"] += (
    by_pillow("PNG", _COLOURS, _COLOURS[::-1]),
    png(_COLOURS[..., :3], icc=matrix_profile(ADOBE_RGB), orientation=6),
)
SAMPLES[".jpg"] += (
    jpeg_with(SAMPLES[".jpg"][0], icc=matrix_profile(ADOBE_RGB), orientation=6),
    by_pillow("JPEG", _COLOURS[..., :3], mode="CMYK"),
)
SAMPLES[".tif"] += (
    tiff([_COLOURS, _COLOURS[..., 0], _COLOURS.astype(np.uint16)], alpha=2, deflate=True),
    tiff(_COLOURS, photometric=5, icc=cmyk_profile(), orientation=3),
    by_pillow("TIFF", _COLOURS[..., :3], compression="jpeg"),
    by_pillow("TIFF", _COLOURS[..., :3], compression="tiff_lzw"),
)


def picture_bytes(draw: Random) -> tuple[str, bytes]:
    suffix = draw.choice(list(SAMPLES))
    content = draw.choice(SAMPLES[suffix])
    if chance(draw, 0.03):
        content = noise(draw)
    elif chance(draw, 0.3):  # the header, where sizes and types stand
        content = damaged_bytes(content[:64], draw, 3) + content[64:]
    else:
        content = damaged_bytes(content, draw)
    return (draw.choice(list(SAMPLES)) if chance(draw, 0.1) else suffix), content
