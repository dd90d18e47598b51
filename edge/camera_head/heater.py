"""How hot the window must be: just above the dew point, so that it stays clear, and never near the limit for tissue."""

from __future__ import annotations

from collections import deque

NUM_MARGINS = 10
"""Statuses, that is 5 s: longer than a breath. The window must stay clear at its wettest moment."""
BAND_CELSIUS = 1.0
STEP_PERMILLE = 20
WINDOW_STOP_CELSIUS = 40.0
"""A degree below the 41 C at which the camera head itself cuts the heater and latches a fault."""


def heater_permille(
    margin_celsius: float | None, window_celsius: float | None, target_celsius: float, limit_permille: int
) -> int:
    """Full power a degree below the wanted margin over the dew point, none a degree above, in steps of 20.

    Args:
        margin_celsius: window less dew point; None where it is not measured: then there is nothing to follow.
        limit_permille: the most that the camera head allows.
    """
    if margin_celsius is None or window_celsius is None or window_celsius >= WINDOW_STOP_CELSIUS:
        return 0
    share = (target_celsius + BAND_CELSIUS - margin_celsius) / (2 * BAND_CELSIUS)
    level = round(limit_permille * min(1.0, max(0.0, share)))
    return min(limit_permille, round(level / STEP_PERMILLE) * STEP_PERMILLE)


class DewPointFollower:
    """`heater_permille` for the smallest margin of the last breath, so that power does not follow each breath.

    Args:
        target_celsius: the margin over the dew point that is kept.
    """

    def __init__(self, target_celsius: float) -> None:
        self._target_celsius = target_celsius
        self._margins: deque[float] = deque(maxlen=NUM_MARGINS)

    def permille(self, margin_celsius: float | None, window_celsius: float | None, limit_permille: int) -> int:
        """The level for the newest measurement; see `heater_permille`."""
        if margin_celsius is None:
            self._margins.clear()
            return 0
        self._margins.append(margin_celsius)
        return heater_permille(min(self._margins), window_celsius, self._target_celsius, limit_permille)
