"""The golden frame: one picture that is the same on every machine, and what an engine must make of it.

A profile's manifest stores under `golden` what its float32 graph made of the frame, small and one part of it in full
detail. An engine that gives another answer runs other weights, another colour order or broken arithmetic, whatever its
files say.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import EngineFailed, ModelError
from edge.basics.texts import shown
from edge.engines.engine import Engine
from edge.models.profile import MANIFEST_NAME, Profile
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX, shrink
from edge.pictures.image import Image
from edge.pictures.packed import packed_picture, picture_from_text

KEY = "golden"
SMALL_WIDTH_PX, SMALL_HEIGHT_PX = 240, 135
"""The whole answer is kept at an eighth, which every way to enlarge must agree on."""
DETAIL_ROWS, DETAIL_COLUMNS = slice(680, 770), slice(1000, 1160)
"""The part that is kept as it is: what is lost between 480x270 and the frame shows here."""
MIN_CORRELATION, MIN_CONTRAST_LEVELS = 0.3, 2.0
"""What is asked of a profile without a stored answer."""
RESTORE = "restore the profile's files, or export it again with edge-export onnx"

STRIP_ROWS = 60
LATTICES = ((256, 1), (64, 2), (128, 5), (16, 3), (4, 4))
"""Side of a cell in pixels, a power of two, and seed of each noise."""

Field = NDArray[np.int32]

MIN_SOFTER_PSNR_DB = 40.0
"""Of bicubic x4 against the profile's own way to enlarge, at an eighth. The shipped profile comes to 56 dB; with one of
its layers shuffled to 30 dB or less, all but one layer whose part in the picture is 0.7 levels."""


@lru_cache(maxsize=1)
def golden_frame() -> Image:
    """RGB uint8 (1080, 1920, 3), read-only: a synthetic mucosa with vessels and glints under fog.

    Drawn by integer arithmetic alone, once for a process: 0.1 s that would otherwise pass for the engine's.
    """
    frame = np.empty(FRAME_SHAPE, np.uint8)
    for top in range(0, FRAME_HEIGHT_PX, STRIP_ROWS):  # temporaries of a strip stay in the cache
        _draw_strip(frame[top : top + STRIP_ROWS], top)
    frame.flags.writeable = False
    return frame


def _draw_strip(strip: Image, top: int) -> None:
    rows = np.arange(top, top + STRIP_ROWS)
    broad, middle, wide, fine, grain = (_noise(rows, *lattice) for lattice in LATTICES)
    tissue = (broad + middle + fine + grain) >> 2
    near_vessel = np.maximum(40 - abs(((middle + 3 * wide) >> 2) - 128) * 4, 0)
    glint = np.maximum(((fine + middle) >> 1) - 196, 0) * 6
    across, down = np.arange(FRAME_WIDTH_PX, dtype=np.int32), rows.astype(np.int32)[:, None]
    clear = 70 + ((broad + (across * 220 >> 11) + (down * 90 >> 10)) >> 2)  # of 256: thick fog left, thin right
    for channel, (base, slope, vessel, veil) in enumerate(((120, 110, 1, 214), (40, 92, 2, 210), (44, 80, 1, 206))):
        light = base + (tissue * slope >> 8) - vessel * near_vessel + glint
        strip[..., channel] = np.clip((np.clip(light, 0, 255) * clear + veil * (256 - clear)) >> 8, 0, 255)


def _noise(rows: NDArray[np.int64], cell_px: int, seed: int) -> Field:
    """Value noise of these rows, (n, 1920) in 0..255: a random value at each corner of a cell, lines between them."""
    first, last = int(rows[0]) // cell_px, int(rows[-1]) // cell_px + 1
    num_columns = -(-FRAME_WIDTH_PX // cell_px) + 1
    corner = np.arange(first, last + 1, dtype=np.uint64)[:, None] * 668265263
    corner = corner + np.arange(num_columns, dtype=np.uint64) * 374761393
    mixed = (corner + seed * 2246822519) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0xFFFFFFFF
    corners = ((mixed ^ (mixed >> 16)) & 255).astype(np.int32)
    skip = int(rows[0]) - first * cell_px
    return _between(_between(corners.T, cell_px)[:, skip : skip + len(rows)].T, cell_px)[:, :FRAME_WIDTH_PX]


def _between(corners: Field, cell_px: int) -> Field:
    """Values between neighbours along the last axis: (n, m) -> (n, (m - 1) * cell_px)."""
    part = np.arange(cell_px, dtype=np.int32)
    lines = corners[:, :-1, None] * (cell_px - part) + corners[:, 1:, None] * part
    lines >>= cell_px.bit_length() - 1
    return lines.reshape(len(corners), -1)


def golden_record(enhanced: Image, min_psnr_db: float) -> dict[str, Any]:
    """What a manifest stores under `golden`.

    Args:
        enhanced: what the float32 graph made of `golden_frame()`.
        min_psnr_db: how near any of the profile's engines must come to it.
    """
    return {
        "frame_sha256": frame_sha256(),
        "enhanced": packed_picture(_small(enhanced)),
        "detail": packed_picture(_detail(enhanced)),
        "min_psnr_db": min_psnr_db,
        "min_softer_psnr_db": min(MIN_SOFTER_PSNR_DB, min_psnr_db),
    }


@lru_cache(maxsize=1)
def frame_sha256() -> str:
    """Of the golden frame's pixels."""
    return hashlib.sha256(golden_frame().tobytes()).hexdigest()


def refuse_without_answer(profile: Profile) -> None:
    """For who makes what nothing else would prove; raises ModelError where the manifest stores no answer."""
    if KEY not in profile.manifest:
        raise ModelError(
            f"{profile.folder}: stores no answer to the golden frame; add it: edge-export onnx {profile.folder} "
            "--precision fp32"
        )


def check_golden(engine: Engine, profile: Profile, *, softer: bool = False, remedy: str = RESTORE) -> float:
    """Run the golden frame and hold the answer to the stored one.

    The engine is one without the unit's correction, which would make another frame of it. A profile without a stored
    answer, or with one to another version's frame, is asked for less: a picture that is not flat and whose structure
    follows the frame's, be it in the negative.

    Args:
        softer: the engine enlarges by bicubic; the detail is not looked at.
        remedy: what to do where this engine gives another answer, for the message.

    Returns:
        PSNR in dB of the whole picture at an eighth; NaN where the manifest stores no answer to this frame.

    Raises:
        ModelError: the answer is wrong, there is none, or what is stored is damaged.
        EngineLost: the device is gone, which says nothing of the model.
    """
    frame = golden_frame()
    try:
        found = engine.enhance(frame).image
    except EngineFailed as error:
        raise ModelError(f"{profile.folder}: no answer to the golden frame ({error}); {remedy}") from error
    stored = profile.manifest.get(KEY)
    if stored is None or (isinstance(stored, Mapping) and stored.get("frame_sha256") != frame_sha256()):
        _refuse_senseless(found, frame, profile, remedy)
        return math.nan
    return _held_to(stored, found, profile, softer=softer, remedy=remedy)


def _held_to(stored: object, found: Image, profile: Profile, *, softer: bool, remedy: str = RESTORE) -> float:
    where = f"{profile.folder / MANIFEST_NAME}: golden"
    if not isinstance(stored, Mapping):
        raise ModelError(f"{where}: expected a table; {RESTORE}")
    limit_name = "min_softer_psnr_db" if softer else "min_psnr_db"
    limit_db = stored.get(limit_name)
    if not isinstance(limit_db, (int, float)) or isinstance(limit_db, bool) or not 0 < limit_db < 1000:
        raise ModelError(f"{where}.{limit_name}: is {shown(limit_db)}, expected dB above 0 and below 1000; {RESTORE}")
    parts = {"enhanced": _small(found)} if softer else {"enhanced": _small(found), "detail": _detail(found)}
    found_db: list[float] = []
    for name, part in parts.items():
        psnr_db = float(cv2.PSNR(_stored_picture(stored.get(name), part.shape, f"{where}.{name}"), part))
        if not psnr_db >= limit_db:
            what = "the golden frame" if name == "enhanced" else "the golden frame's detail"
            raise ModelError(
                f"{profile.folder}: {what} comes out at {psnr_db:.1f} dB, expected {limit_db:g} or more; {remedy}"
            )
        found_db.append(psnr_db)
    return found_db[0]


def _stored_picture(text: object, shape: tuple[int, ...], where: str) -> Image:
    try:
        return picture_from_text(str(text), shape)
    except ValueError as error:
        raise ModelError(f"{where}: {error}; {RESTORE}") from error


def _small(image: Image) -> Image:
    size = (SMALL_WIDTH_PX, SMALL_HEIGHT_PX)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _detail(image: Image) -> Image:
    return np.ascontiguousarray(image[DETAIL_ROWS, DETAIL_COLUMNS])


def _refuse_senseless(found: Image, frame: Image, profile: Profile, remedy: str) -> None:
    grey_in, grey_out = (cv2.cvtColor(shrink(image), cv2.COLOR_RGB2GRAY).astype(np.float64) for image in (frame, found))
    contrast_levels = float(grey_out.std())
    correlation = 0.0 if not contrast_levels else float(np.corrcoef(grey_in.ravel(), grey_out.ravel())[0, 1])
    if contrast_levels < MIN_CONTRAST_LEVELS or abs(correlation) < MIN_CORRELATION:
        raise ModelError(
            f"{profile.folder}: its answer to the golden frame does not follow the frame (contrast "
            f"{contrast_levels:.1f} levels, correlation {correlation:.2f}, expected {MIN_CONTRAST_LEVELS:g} and "
            f"{MIN_CORRELATION:g} or more); {remedy}"
        )
