"""A method's figures as the manifest of its profile has them: what `edge-enhance model show` prints with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

from trainer.judging.comparing.catalogue import MEASURES
from trainer.judging.comparing.summary import Mean, Summary

FIGURES_FILE = "figures.json"
TOLD = ("gain_best", "ssim", "detail_recovered", "detail_invented", "haze", "structure_ssim", "colour_de00")
"""Measures of a card: few, and of each kind."""


def card_figures(summary: Summary) -> dict[str, dict[str, Mapping[str, float]]]:
    """Method -> `<set>_<measure>_<unit>` -> mean, and its interval where there is one."""
    found: dict[str, dict[str, Mapping[str, float]]] = {}
    for name in TOLD:
        for mean in summary.means:
            if mean.measure == name:
                found.setdefault(mean.method, {})[_key(mean)] = _figure(mean)
    return found


def _key(mean: Mean) -> str:
    unit = MEASURES[mean.measure].unit
    parts = [*mean.kind.split(), *mean.measure.split("_")]
    return "_".join([*parts, unit.lower()] if unit and unit.lower() not in parts else parts)


def _figure(mean: Mean) -> Mapping[str, float]:
    digits = MEASURES[mean.measure].digits + 1
    told = {"mean": mean.mean, "low": mean.low, "high": mean.high}
    return {"num": mean.num} | {key: round(value, digits) for key, value in told.items() if math.isfinite(value)}
