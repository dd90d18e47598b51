"""`edge-calib show`: what a calibration holds, in lines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.calibration.calibration import PARTS, Calibration
from edge.calibration.lens import view_focal_px


def lines(calibration: Calibration) -> Iterator[str]:
    """One line a fact."""

    def line(name: str, value: object) -> str:
        return f"{name:24} {value}"

    age = calibration.age_days()
    yield line("unit", calibration.unit)
    yield line("camera mode", calibration.camera_mode)
    yield line("made", f"{calibration.made_at:%Y-%m-%d %H:%M} UTC, {age:.1f} days ago, by {calibration.tool}")
    yield line("parts", ", ".join(calibration.parts) or "none")
    missing = [part for part in PARTS if part not in calibration.parts]
    if missing:
        yield line("left as it is", ", ".join(missing))
    yield line("dark level, R G B", _row(calibration.dark * 100, "%"))
    yield line("hot pixels", len(calibration.hot_px))
    yield line("gain, largest, R G B", _row(calibration.gain.max(axis=(0, 1))))
    yield line("white balance, R G B", _row(calibration.white))
    for number, row in enumerate(calibration.matrix):
        yield line("colour matrix" if number == 0 else "", _row(row))
    if calibration.lens is not None:
        lens = calibration.lens
        yield line("lens", f"{lens.model}, focal length {lens.focal_px[0]:.1f} {lens.focal_px[1]:.1f} px, "
                   f"centre {lens.centre_px[0]:.1f} {lens.centre_px[1]:.1f} px")  # fmt: skip
        yield line("distortion", " ".join(f"{value:.5f}" for value in lens.distortion))
        yield line("corrected picture", f"focal length {view_focal_px(lens):.1f} px")
    for name, value in calibration.figures.items():
        if name != "hot_pixels":  # told above
            yield line(name.replace("_", " "), value)


def _row(values: NDArray[np.float32], unit: str = "") -> str:
    return "  ".join(f"{float(value):.4f}{unit}" for value in values)
