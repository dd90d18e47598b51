"""`edge-calib solve` in one line: is the calibration good, by which figures, and what each may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from calib.reports.check import MAX_DELTA, MAX_DELTA_MEAN
from calib.solving.flat import MAX_RMS
from calib.solving.lens import MAX_RMS_PX
from calib.solving.white import MAX_UNEVEN
from edge.calibration.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure of a calibration that has a limit.

    Attributes:
        name: what it is, for a person.
        form: how value and limit are written, with their unit.
    """

    name: str
    value: float
    limit: float
    form: str

    @property
    def is_good(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        limit = self.form.format(self.limit)
        return f"{self.name} {self.form.format(self.value)} ({'at most' if self.is_good else 'OVER'} {limit})"


_JUDGED = {
    "flat_residual_rms": ("flat field uneven by", MAX_RMS, "{:.1%}"),
    "grey_card_unevenness": ("grey card uneven by", MAX_UNEVEN, "{:.0%}"),
    "chart_ciede2000_mean": ("colours off on average by CIEDE2000", MAX_DELTA_MEAN, "{:.1f}"),
    "chart_ciede2000_max": ("at worst by", MAX_DELTA, "{:.1f}"),
    "reprojection_rms_px": ("lens off by", MAX_RMS_PX, "{:.2f} px"),
}
"""Figure -> its words, its limit (`edge-calib check` holds later charts to the same), and how it is written."""
_UNITS = {
    "hot_pixels": "pixels",
    "read_noise": "of full scale",
    "fall_off": "of the light at the darkest place",
    "noise_factor_at_rim": "times the noise of the middle",
    "gain_limited_share": "of the picture",
}


def judged(calibration: Calibration) -> list[Judged]:
    """The figures that have a limit, of the parts that were solved."""
    return [
        Judged(words, float(calibration.figures[name]), limit, form)
        for name, (words, limit, form) in _JUDGED.items()
        if name in calibration.figures
    ]


def verdict(calibration: Calibration) -> tuple[bool, str]:
    """Whether the calibration is good, and one line that says so with its figures."""
    figures = judged(calibration)
    is_good = all(one.is_good for one in figures)
    word = "good" if is_good else "NOT GOOD, capture again what is over its limit"
    shown = "; ".join(str(one) for one in figures if one.is_good == is_good)
    return is_good, f"unit {calibration.unit}: {word}{f': {shown}' if shown else ''}"


def details(calibration: Calibration) -> Iterator[str]:
    """Every figure with its unit, a line each."""
    for name, value in calibration.figures.items():
        unit = "px" if name.endswith("_px") else "CIEDE2000" if "ciede2000" in name else _UNITS.get(name, "")
        yield f"{name.removesuffix('_px').replace('_', ' '):36} {value} {unit}".rstrip()
