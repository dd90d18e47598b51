"""What the device draws, where it tells: a Jetson's INA3221 monitor, or nvidia-smi."""

from __future__ import annotations

import subprocess
import threading
from statistics import mean

from edge.health.machine import Sysfs

PERIOD_S = 0.05


def power_watts(sysfs: Sysfs | None = None) -> float | None:
    """Watts now; None where nothing tells."""
    watts = (sysfs or Sysfs()).board_watts()
    return _nvidia_smi() if watts is None else watts


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
