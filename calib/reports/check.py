"""`edge-calib check`: is a stored calibration still right, and is the window clean?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.session import Session, read_session
from calib.solving.chart import NoChart, find_chart, measured_patches
from calib.solving.colour_fit import ColourFit, judged
from calib.solving.flat import levelled_median, log_field, plane_of, smooth_of
from calib.solving.light import Light
from calib.solving.solve import balanced, display, refuse_saturated_chart
from calib.solving.spots import Spot, find_spots
from edge.basics.errors import InputOutputError, UsageError
from edge.calibration.calibration import Calibration
from edge.pictures.image import Image

MAX_DRIFT = 0.05
MAX_DELTA_MEAN = 3.0
MAX_DELTA = 8.0


@dataclass(frozen=True)
class FlatCheck:
    """A new flat against the stored one.

    Attributes:
        num_positions: of the card; one alone does not tell shine from a droplet.
        drift_rms, drift_max: change of the corrected field beside a plane, which the card's tilt makes.
        field: the smooth part of the corrected field, 1 on average, (270, 480).
        change: residual over the stored residual, (270, 480).
        spots: what is new on the window.
    """

    num_positions: int
    drift_rms: float
    drift_max: float
    field: NDArray[np.float32]
    change: NDArray[np.float32]
    spots: list[Spot]


@dataclass(frozen=True)
class ChartCheck:
    """A new chart through the stored calibration; `picture` is corrected."""

    fit: ColourFit
    stored_mean: float
    picture: Image


@dataclass(frozen=True)
class CheckResult:
    """What was found, and whether it passes."""

    flat: FlatCheck | None
    chart: ChartCheck | None
    max_drift: float = MAX_DRIFT
    max_delta: float = MAX_DELTA_MEAN

    def lines(self) -> Iterator[tuple[bool, str]]:
        """Whether each figure passes, and the figure in words."""
        if self.flat is not None:
            drifted = f"fall-off drifted by {self.flat.drift_rms:.1%} rms, {self.flat.drift_max:.1%} at most"
            yield self.flat.drift_max <= self.max_drift, f"{drifted}; allowed {self.max_drift:.0%}"
            num = len(self.flat.spots)
            alone = " (one position of the card: shine may pass for a spot; give three)"
            note = alone if num and self.flat.num_positions == 1 else ""
            yield num == 0, f"{num or 'no'} new spots on the window" + (": clean it" if num else "") + note
            for spot in self.flat.spots:
                yield False, str(spot)
        if self.chart is not None:
            deltas = self.chart.fit.delta_after
            differs = f"chart CIEDE2000 {deltas.mean():.2f} on average, {deltas.max():.2f} at most"
            good = deltas.mean() <= self.max_delta and deltas.max() <= max(MAX_DELTA, 2 * self.max_delta)
            yield bool(good), f"{differs}; {self.chart.stored_mean:.2f} when calibrated, allowed {self.max_delta:g}"

    @property
    def passed(self) -> bool:
        return all(good for good, _ in self.lines())


def check(
    calibration: Calibration, folders: Sequence[Path], max_drift: float = MAX_DRIFT, max_delta: float = MAX_DELTA_MEAN
) -> CheckResult:
    """Hold new flat and chart sessions against a calibration.

    Raises:
        UsageError: sessions of another unit or camera mode, or of another target.
        InputOutputError: a session is damaged or shows something else than its target.
    """
    flat, chart = None, None
    for folder in folders:
        session = read_session(folder)
        for name, word in (("unit", "unit"), ("camera_mode", "camera mode")):
            here, stored = getattr(session, name), getattr(calibration, name)
            if here != stored:
                raise UsageError(f"{folder}: is of {word} {here!r}, the calibration of {stored!r}; "
                                 "give the unit's own")  # fmt: skip
        needed = {"flat": "flat", "chart": "white"}.get(session.target)
        if needed is None:
            raise UsageError(f"{folder}: holds {session.target}; a check takes flat and chart sessions")
        if needed not in calibration.parts:
            raise UsageError(f"{folder}: the calibration has no {needed} part to hold it against; solve it with one")
        if session.target == "flat":
            flat = check_flat(calibration, session)
        else:
            chart = check_chart(calibration, session)
    return CheckResult(flat, chart, max_drift, max_delta)


def check_flat(calibration: Calibration, session: Session) -> FlatCheck:
    """Compare flats: the stored gain should make the new one even, but for the card's own tilt."""
    fields = [
        log_field(image, calibration.dark, calibration.hot_px, str(session.folder / frame.file))
        for frame, image in session.images()
    ]
    if not fields:
        raise InputOutputError(f"{session.folder}: holds no frames; capture it again")
    size = (fields[0].shape[1], fields[0].shape[0])
    gain = np.log(np.asarray(cv2.resize(calibration.gain, size, interpolation=cv2.INTER_LINEAR), np.float64))
    even = levelled_median(fields) + gain
    even = even - plane_of(even)
    smooth = np.stack([smooth_of(even[..., channel]) for channel in range(3)], axis=-1)
    levelled = [one - plane_of(one) for one in (field + gain - smooth for field in fields)]
    changes = [np.exp(one).mean(axis=2) / calibration.flat - 1 for one in levelled]
    change = np.asarray(1 + _fixed(np.stack([one - np.median(one) for one in changes])), np.float32)
    field = np.exp(smooth - smooth.mean(axis=(0, 1)))
    off = np.abs(field - 1)
    rms = float(np.sqrt(np.square(off).mean()))
    spots = find_spots(change, calibration.gain)
    return FlatCheck(len(fields), rms, float(off.max()), field.mean(axis=2).astype(np.float32), change, spots)


def _fixed(changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the frames (N, H, W) have in common: dust stays where it is, shine moves with the card.

    The median of three and more; of two what both show, the lesser of it.
    """
    if len(changes) > 2:
        return np.asarray(np.median(changes, axis=0), np.float64)
    low, high = changes.min(axis=0), changes.max(axis=0)
    return np.asarray(np.where(low > 0, low, np.where(high < 0, high, 0)), np.float64)


def check_chart(calibration: Calibration, session: Session) -> ChartCheck:
    """Measure the chart through the calibration."""
    patches: list[Light] = []
    picture: Image | None = None
    for frame, image in session.images():
        path = session.folder / frame.file
        light = balanced(image, calibration.dark, calibration.hot_px, calibration.gain, calibration.white)
        found = find_chart(display(light))
        if isinstance(found, NoChart):
            raise InputOutputError(f"{path}: {found.words}; then capture it again")
        refuse_saturated_chart(image, found, str(path))
        patches.append(measured_patches(light, found.to_frame))
        picture = display(np.asarray(light @ calibration.matrix.T, np.float32)) if picture is None else picture
    if picture is None:
        raise InputOutputError(f"{session.folder}: holds no frames; capture it again")
    fit = judged(np.asarray(np.mean(patches, axis=0), np.float32), calibration.matrix)
    stored = calibration.figures.get("chart_ciede2000_mean", 0.0)
    return ChartCheck(fit, float(stored), picture)
