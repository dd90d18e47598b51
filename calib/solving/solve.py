"""From capture sessions to a unit's calibration, with everything that the report shows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calib.session import Session, read_session, tool_version
from calib.solving.board import Board, BoardFinder
from calib.solving.chart import FoundChart, NoChart, find_chart, measured_patches, neutrals_fall
from calib.solving.colour_fit import ColourFit, fit_matrix
from calib.solving.dark import Dark, solve_dark
from calib.solving.flat import Flat, solve_flat
from calib.solving.lens import LensFit, solve_lens
from calib.solving.light import MAX_SATURATED, Light, full_size, light_of, saturated_share, without_hot
from calib.solving.white import White, solve_white
from edge.basics.errors import InputOutputError, UsageError
from edge.calibration.calibration import PARTS, Calibration
from edge.pictures.colour import FULL_STEP, codes_from_steps
from edge.pictures.image import Image

log = logging.getLogger(__name__)

_NEEDS = {"flat": "dark", "white": "flat", "chart": "white"}
_WHITE_PATCH = 18


@dataclass(frozen=True)
class Solution:
    """A calibration and what it was worked out from."""

    calibration: Calibration
    dark: Dark | None
    flat: Flat | None
    white: White | None
    chart: ChartResult | None
    lens: LensFit | None
    sample: Image | None


@dataclass(frozen=True)
class ChartResult:
    """The chart as found and fitted; `picture` is dark- and gain-corrected, RGB uint8."""

    found: FoundChart
    fit: ColourFit
    picture: Image


def solve(folders: Sequence[Path], tell: Callable[[str], None] = lambda line: None) -> Solution:
    """Work out what the sessions allow; parts whose session is not given stay neutral.

    Args:
        tell: hears in a line what it is at.

    Raises:
        UsageError: sessions of two units, two camera modes, one target twice, or one that needs another.
        InputOutputError: a session is damaged, or shows something else than its target.
    """
    sessions = {session.target: session for session in _matching(folders)}
    dark = flat = white = chart = lens = None

    def begun(target: str) -> Session | None:
        if (session := sessions.get(target)) is not None:
            tell(f"{target}: {len(session.frames)} frames of {session.folder}")
        return session

    if (session := begun("dark")) is not None:
        dark = solve_dark((image for _, image in session.images()), str(session.folder))
    if (session := begun("flat")) is not None and dark is not None:
        flat = solve_flat((image for _, image in session.images()), dark, str(session.folder))
    if (session := begun("white")) is not None and dark is not None and flat is not None:
        white = solve_white((image for _, image in session.images()), dark, flat, str(session.folder))
    if (session := begun("chart")) is not None and dark is not None and flat is not None and white is not None:
        chart = solve_chart(session, Balance(dark, flat, white))
    sample = None
    if (session := begun("lens")) is not None:
        boards, sample = _boards(session)
        lens = solve_lens(boards, str(session.folder))
    first = next(iter(sessions.values()))
    calibration = replace(
        _assembled(first, dark, flat, white, chart, lens), controls=common_controls([*sessions.values()])
    )
    return Solution(calibration, dark, flat, white, chart, lens, sample)


def _matching(folders: Sequence[Path]) -> list[Session]:
    """The sessions in the order of `PARTS`, all of one unit and one camera mode."""
    sessions: dict[str, Session] = {}
    for folder in folders:
        session = read_session(folder)
        if session.target not in PARTS:
            raise UsageError(f"{folder}: holds {session.target}, from which nothing is solved; "
                             f"expected {', '.join(PARTS)}")  # fmt: skip
        if session.target in sessions:
            raise UsageError(f"{folder}: holds {session.target}, as {sessions[session.target].folder} does; "
                             "give one of them")  # fmt: skip
        if not session.complete:
            raise InputOutputError(f"{folder}: holds {len(session.frames)} of {session.wanted} frames; "
                                   "run its capture command again to finish it")  # fmt: skip
        for other in sessions.values():
            for name, word in (("unit", "unit"), ("camera_mode", "camera mode")):
                a, b = getattr(session, name), getattr(other, name)
                if a != b:
                    raise UsageError(f"{folder}: is of {word} {a!r}, {other.folder} of {b!r}; "
                                     "calibrate each by itself")  # fmt: skip
        sessions[session.target] = session
    for part, needed in _NEEDS.items():
        if part in sessions and needed not in sessions:
            raise UsageError(f"{sessions[part].folder}: {part} is solved with {needed}; give a {needed} session too")
    return [sessions[part] for part in PARTS if part in sessions]


_BY_ITSELF = {"exposure": "auto_exposure", "gain": "auto_exposure", "white_balance_kelvin": "auto_white_balance"}
_MANUAL = {"auto_exposure": 1.0, "auto_white_balance": 0.0}
"""As V4L2 numbers them; what the camera sets by itself is no setting that a calibration holds for."""


def common_controls(sessions: Sequence[Session]) -> dict[str, float]:
    """The camera's settings that all sessions had in common, without those that it made by itself."""
    first = sessions[0].controls

    def is_made(name: str) -> bool:
        switch = _BY_ITSELF.get(name, "")
        return first.get(switch, _MANUAL.get(switch)) == _MANUAL.get(switch)

    differing = [name for name in first if any(other.controls.get(name) != first[name] for other in sessions)]
    if told := [name for name in differing if is_made(name)]:
        log.warning("the sessions differ in %s, so the calibration does not hold the camera to it; set it with "
                    "[source] controls and capture them again", ", ".join(told))  # fmt: skip
    return {name: value for name, value in first.items() if name not in differing and is_made(name)}


@dataclass(frozen=True)
class Balance:
    """What is corrected before colours are measured."""

    dark: Dark
    flat: Flat
    white: White

    def balanced(self, image: Image) -> Light:
        """Light after dark level, fall-off and white balance, (1080, 1920, 3)."""
        return balanced(image, self.dark.level, self.dark.hot_px, self.flat.gain, self.white.gains)


def balanced(
    image: Image, dark: NDArray[np.float32], hot_px: NDArray[np.int32], gain: Light, white: NDArray[np.float32]
) -> Light:
    light = without_hot(light_of(image), hot_px)
    return np.asarray((light - dark) * full_size(gain) * white, np.float32)


def display(light: Light) -> Image:
    """Light as a picture, cut off at 1."""
    return codes_from_steps(np.asarray(np.clip(light, 0, 1) * FULL_STEP + 0.5, np.uint16))


def solve_chart(session: Session, balance: Balance) -> ChartResult:
    """Find the chart in each frame and fit the matrix to the mean of its patches."""
    patches: list[Light] = []
    found: FoundChart | NoChart = NoChart("")
    picture: Image | None = None
    for frame, image in session.images():
        path = session.folder / frame.file
        light = balance.balanced(image)
        picture = display(light)
        found = find_chart(picture)
        if isinstance(found, NoChart):
            raise InputOutputError(f"{path}: {found.words}; then capture it again")
        refuse_saturated_chart(image, found, str(path))
        patches.append(measured_patches(light, found.to_frame))
    if picture is None or isinstance(found, NoChart):
        raise InputOutputError(f"{session.folder}: holds no frames; capture it again")
    measured = np.asarray(np.mean(patches, axis=0), np.float32)
    if not neutrals_fall(measured):
        raise InputOutputError(f"{session.folder}: the chart's grey row does not darken from white to black; "
                               "is there glare on it? light it evenly and capture it again")  # fmt: skip
    return ChartResult(found, fit_matrix(measured), picture)


def refuse_saturated_chart(image: Image, found: FoundChart, name: str) -> None:
    """Raises InputOutputError where the chart's white has lost a channel, or the chart is too dark to measure."""
    x, y = np.rint(found.centres[_WHITE_PATCH]).astype(int)
    around = image[max(y - 8, 0) : y + 9, max(x - 8, 0) : x + 9]
    if (share := saturated_share(around)) > MAX_SATURATED:
        raise InputOutputError(f"{name}: the chart's white is saturated in {share:.0%} of its pixels; "
                               "lower the exposure and capture it again")  # fmt: skip
    if (level := float(light_of(around).max(axis=2).mean())) < 0.1:
        raise InputOutputError(f"{name}: the chart's white shows {level:.0%} of full scale, expected at least 10%; "
                               "raise the exposure and capture it again")  # fmt: skip


def _boards(session: Session) -> tuple[list[Board], Image | None]:
    finder = BoardFinder()
    boards, sample = [], None
    for _, image in session.images():
        board = finder.find(image)
        if board is not None:
            boards.append(board)
            sample = image if sample is None else sample
    return boards, sample


def _assembled(
    session: Session,
    dark: Dark | None,
    flat: Flat | None,
    white: White | None,
    chart: ChartResult | None,
    lens: LensFit | None,
) -> Calibration:
    solved: Mapping[str, object | None] = {"dark": dark, "flat": flat, "white": white, "chart": chart, "lens": lens}
    figures: dict[str, float | int | str] = {}
    neutral = Calibration(session.unit, session.camera_mode, datetime.now(timezone.utc), "", ())
    if dark is not None:
        figures |= {"hot_pixels": len(dark.hot_px), "read_noise": round(dark.noise, 5)}
    if flat is not None:
        figures |= {
            "fall_off": round(flat.fall_off, 4),
            "flat_residual_rms": round(flat.rms, 5),
            "noise_factor_at_rim": round(flat.noise_factor, 2),
            "gain_limited_share": round(flat.limited, 4),
        }
    if white is not None:
        figures["grey_card_unevenness"] = round(white.uneven, 4)
    if chart is not None:
        after, before = chart.fit.delta_after, chart.fit.delta_before
        figures |= {
            "chart_ciede2000_mean": round(float(after.mean()), 3),
            "chart_ciede2000_max": round(float(after.max()), 3),
            "chart_ciede2000_mean_without_matrix": round(float(before.mean()), 3),
        }
    if lens is not None:
        figures["reprojection_rms_px"] = round(lens.lens.rms_px, 4)
        for model, error in lens.held_out_px.items():
            if np.isfinite(error):
                figures[f"held_out_{model}_px"] = round(error, 4)
    return Calibration(
        unit=session.unit,
        camera_mode=session.camera_mode,
        made_at=datetime.now(timezone.utc),
        tool=tool_version(),
        parts=tuple(part for part in PARTS if solved[part] is not None),
        dark=neutral.dark if dark is None else dark.level,
        gain=neutral.gain if flat is None else flat.gain,
        white=neutral.white if white is None else white.gains,
        matrix=neutral.matrix if chart is None else chart.fit.matrix,
        hot_px=neutral.hot_px if dark is None else dark.hot_px,
        lens=None if lens is None else lens.lens,
        flat=neutral.flat if flat is None else flat.residual,
        figures=figures,
    )
