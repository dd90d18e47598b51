"""A unit's calibration on disk: `unit.calib`, a TOML header and an npz payload in one file.

    # edge-calib 1 sha256=<of all that follows> header=<bytes of TOML>
    unit = "A-1"
    ...
    <npz>

The first line is a comment to TOML, so `head unit.calib` reads well. Nothing is believed before the hash fits.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import struct
import tokenize
import zipfile
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.folders import read_plain
from edge.basics.texts import toml_from_text, toml_value
from edge.basics.whole_files import write_whole
from edge.calibration.calibration import Calibration, Lens
from edge.calibration.check import refuse_senseless

FORMAT = 1
MAX_BYTES = 64 << 20
_FIRST_LINE = re.compile(rb"# edge-calib (\d{1,9}) sha256=([0-9a-f]{64}) header=(\d{1,9})\n")
_AGAIN = "make it again with edge-calib solve, or restore it from a copy"


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write the file whole.

    Raises:
        InputOutputError: the folder cannot be written.
    """
    try:
        write_whole(path, calibration_bytes(calibration))
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def calibration_bytes(calibration: Calibration) -> bytes:
    """The content of the file."""
    header = {
        "unit": calibration.unit,
        "camera_mode": calibration.camera_mode,
        "made_at": calibration.made_at.isoformat(timespec="seconds"),
        "tool": calibration.tool,
        "parts": list(calibration.parts),
        "dark": _rounded(calibration.dark),
        "white": _rounded(calibration.white),
        "matrix": _rounded(calibration.matrix),
    }
    lines = [_toml_line(key, value) for key, value in header.items()]
    if calibration.lens is not None:
        lens = calibration.lens
        lines += ["", "[lens]", _toml_line("model", lens.model)]
        for key in ("focal_px", "centre_px", "distortion"):
            lines.append(_toml_line(key, list(getattr(lens, key))))
        lines.append(_toml_line("rms_px", lens.rms_px))
    lines += ["", "[figures]", *(_toml_line(key, value) for key, value in calibration.figures.items())]
    if calibration.controls:
        lines += ["", "[controls]", *(_toml_line(key, value) for key, value in calibration.controls.items())]
    text = ("\n".join(lines) + "\n").encode()
    payload = io.BytesIO()
    np.savez_compressed(
        payload, gain=calibration.gain, hot_px=calibration.hot_px, flat=calibration.flat.astype(np.float16)
    )
    body = text + payload.getvalue()
    digest = hashlib.sha256(body).hexdigest()
    return f"# edge-calib {FORMAT} sha256={digest} header={len(text)}\n".encode() + body


def read_calibration(path: Path) -> Calibration:
    """Read and check a file.

    Raises:
        ConfigError: missing, of another format version, altered, or its values make no sense.
    """
    try:
        content = read_plain(path, MAX_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name an existing unit.calib") from error
    match = _FIRST_LINE.match(content)
    if match is None:
        raise ConfigError(f"{path}: not a unit calibration; expected a file made by edge-calib solve")
    version, digest, size = int(match[1]), match[2].decode(), int(match[3])
    if version != FORMAT:
        raise ConfigError(f"{path}: its format is {version}, this program reads {FORMAT}; {_AGAIN}")
    body = content[match.end() :]
    found = hashlib.sha256(body).hexdigest()
    if found != digest:
        raise ConfigError(f"{path}: sha256 is {found[:12]}…, its first line says {digest[:12]}…; {_AGAIN}")
    try:
        return _parsed(toml_from_text(body[:size].decode()), body[size:])
    except _NONSENSE as error:
        raise ConfigError(f"{path}: its values make no sense ({error}); {_AGAIN}") from error


_NONSENSE = (
    ValueError, KeyError, TypeError, AttributeError, OverflowError, EOFError, OSError, MemoryError, RuntimeError,
    SyntaxError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError,
)  # fmt: skip
"""What TOML, zip and numpy raise on a payload whose hash fits and which makes no sense all the same."""
_MAX_ARRAY_BYTES = 64 * 2**20


def _arrays(payload: bytes) -> list[NDArray[Any]]:
    """gain, hot_px and flat; ValueError where one would take more memory than any calibration."""
    with zipfile.ZipFile(io.BytesIO(payload)) as packed:
        if sum(member.file_size for member in packed.infolist()) > _MAX_ARRAY_BYTES:
            raise ValueError("its arrays are too large")
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        return [np.asarray(arrays[name]) for name in ("gain", "hot_px", "flat")]


def _parsed(header: dict[str, Any], payload: bytes) -> Calibration:
    gain, hot_px, flat = _arrays(payload)
    for array in (gain, hot_px, flat):
        if array.dtype.kind not in "fiu":
            raise ValueError(f"an array of {array.dtype}")
    lens = None
    if "lens" in header:
        table = header["lens"]
        (fx, fy), (cx, cy) = table["focal_px"], table["centre_px"]
        lens = Lens(table["model"], (fx, fy), (cx, cy), tuple(table["distortion"]), table["rms_px"])
    calibration = Calibration(
        unit=header["unit"],
        camera_mode=header["camera_mode"],
        made_at=datetime.fromisoformat(header["made_at"]),
        tool=header["tool"],
        parts=tuple(header["parts"]),
        dark=np.array(header["dark"], np.float32),
        gain=_as_float32(gain),
        white=np.array(header["white"], np.float32),
        matrix=np.array(header["matrix"], np.float32),
        hot_px=_as_int32(hot_px),
        lens=lens,
        flat=_as_float32(flat),
        figures=header.get("figures", {}),
        controls=header.get("controls", {}),
    )
    if hot_px.size and not (hot_px == calibration.hot_px).all():
        raise ValueError("hot_px holds no whole numbers")
    refuse_senseless(calibration)
    return calibration


def _as_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused as such
        return np.ascontiguousarray(array, np.float32)


def _as_int32(array: NDArray[Any]) -> NDArray[np.int32]:
    with np.errstate(invalid="ignore"):  # what does not fit becomes another number, and is refused as such
        return array.astype(np.int32)


def _rounded(values: NDArray[Any]) -> list[Any]:
    """Nested lists of numbers with the digits that float32 has."""
    result: list[Any] = np.round(values.astype(np.float64), 7).tolist()
    return result


def _toml_line(key: str, value: object) -> str:
    """Texts, numbers, booleans and lists of them look alike in TOML and JSON."""
    return f"{key} = {toml_value(value)}"
