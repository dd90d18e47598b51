"""What the device draws, where it tells: a Jetson's INA3221 monitor, or nvidia-smi."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from statistics import mean

HWMON = Path("/sys/class/hwmon")
WHOLE_BOARD = ("VDD_IN", "VIN_SYS_5V0", "POM_5V_IN", "VDD_GPU_SOC")
"""Rails in order of preference: the board's input, or on AGX Orin the largest part of it that is measured."""
PERIOD_S = 0.05


def power_watts(hwmon: Path = HWMON) -> float | None:
    """Watts now; None where nothing tells."""
    rails: dict[str, float] = {}
    for label in hwmon.glob("hwmon*/in*_label"):
        number = label.name.removeprefix("in").removesuffix("_label")
        try:
            millivolts = float((label.parent / f"in{number}_input").read_text())
            milliamperes = float((label.parent / f"curr{number}_input").read_text())
            rails[label.read_text().strip()] = millivolts * milliamperes / 1e6
        except (OSError, ValueError):
            continue
    for name in WHOLE_BOARD:
        if name in rails:
            return rails[name]
    return _nvidia_smi()


def _nvidia_smi() -> float | None:
    command = ["nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits", "-i", "0"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)
        return float(done.stdout.strip())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


class PowerMeter:
    """Samples in a thread while it is open; `mean_watts` afterwards, None where nothing tells."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._samples: list[float] = []
        self._thread = threading.Thread(target=self._sample, name="power", daemon=True)

    def __enter__(self) -> PowerMeter:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.is_set():
            watts = power_watts()
            if watts is None:
                return
            self._samples.append(watts)
            self._stop.wait(PERIOD_S)

    @property
    def mean_watts(self) -> float | None:
        return mean(self._samples) if self._samples else None
