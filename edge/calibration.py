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
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge.calibration_check import refuse_senseless
from edge.errors import ConfigError, InputOutputError
from edge.texts import toml_from_text, toml_value
from edge.whole_files import write_whole

FORMAT = 1
PARTS = ("dark", "flat", "white", "chart", "lens")
LensModel = Literal["radial", "fisheye"]
_FIRST_LINE = re.compile(rb"# edge-calib (\d{1,9}) sha256=([0-9a-f]{64}) header=(\d{1,9})\n")
_AGAIN = "make it again with edge-calib solve, or restore it from a copy"


@dataclass(frozen=True)
class Lens:
    """Intrinsics of the unit's lens at 1920x1080.

    Attributes:
        model: `radial`: OpenCV's radial-tangential model, k1 k2 p1 p2 k3; `fisheye`: its fisheye model, k1 to k4.
        focal_px: fx and fy; centre_px: cx and cy, pixel centres at whole numbers.
        rms_px: reprojection error of the fit.
    """

    model: LensModel
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion: tuple[float, ...]
    rms_px: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The 3x3 camera matrix."""
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


@dataclass(frozen=True)
class Calibration:
    """What makes one unit show the same throat as every other. A part that was not captured is neutral.

    Linear light is that of the sRGB curve (IEC 61966-2-1), 1 being code 255.

    Attributes:
        unit: serial number.
        camera_mode: size and pixel format that the frames had, as `edge.sources.base.camera_mode` names it.
        made_at: UTC.
        parts: which of `PARTS` were captured.
        dark: linear light that the sensor shows of none, (3,).
        gain: what fall-off is multiplied with, (rows, columns, 3), at least 1 in the brightest place; cell
            centres are spread evenly over the frame, as cv2.resize takes them.
        white: gains of R, G, B after the fall-off, (3,).
        matrix: (3, 3), white-balanced camera light -> linear sRGB; rows sum to 1.
        hot_px: (N, 2) rows and columns of pixels not to be believed.
        lens: None where the lens was not captured.
        flat: what the flats showed of the smooth field, (270, 480), 1 without dust; empty without flats.
        figures: the solver's residuals, name -> number or text.
    """

    unit: str
    camera_mode: str
    made_at: datetime
    tool: str
    parts: tuple[str, ...]
    dark: NDArray[np.float32] = field(default_factory=lambda: np.zeros(3, np.float32))
    gain: NDArray[np.float32] = field(default_factory=lambda: np.ones((1, 1, 3), np.float32))
    white: NDArray[np.float32] = field(default_factory=lambda: np.ones(3, np.float32))
    matrix: NDArray[np.float32] = field(default_factory=lambda: np.eye(3, dtype=np.float32))
    hot_px: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    lens: Lens | None = None
    flat: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    figures: Mapping[str, float | int | str] = field(default_factory=dict)

    def age_days(self, now: datetime | None = None) -> float:
        return ((now or datetime.now(timezone.utc)) - self.made_at).total_seconds() / 86400


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
        content = path.read_bytes()
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
