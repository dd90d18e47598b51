"""What the machine tells of itself in /sys: temperatures, clocks, throttling, power and power mode.

After NVIDIA's Jetson Linux guide (releases 34 to 36) and the kernel's sysfs documents. Read from made-up trees in
tests; not tried on a Jetson. Anything that is not there is left out: nothing here raises.

- Thermal zones that are powered down (cv0 to cv2, at times gpu) answer with an error instead of a number.
- The memory clock is in debugfs, which only root reads.
- `oc1` to `oc3` count undervoltage, average and instantaneous over-current since the board was started.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WHOLE_BOARD = ("VDD_IN", "VIN_SYS_5V0", "POM_5V_IN", "VDD_GPU_SOC")
"""Rails in order of preference: the board's input, or on AGX Orin the largest part of it that is measured."""
_NO_RAIL = ("NC", "sum of shunt voltages")
"""What INA3221 channels that measure nothing, or no rail of their own, are called."""
_GPU = re.compile(r"gpu|ga10b|gv11b|gp10b|gm20b", re.IGNORECASE)
_EMC_RATE = "sys/kernel/debug/bpmp/debug/clk/emc/rate"
NONE = "none here"
_FAN = re.compile("fan", re.IGNORECASE)


@dataclass(frozen=True)
class Sysfs:
    """Reads afresh at each call; some milliseconds on a board whose sensors hang on I2C.

    Attributes:
        root: what stands for `/`.
    """

    root: Path = Path("/")

    def temperatures_celsius(self) -> dict[str, float | None]:
        """Zone -> degrees as the sensor gives them; None where it cannot be read."""
        zones: dict[str, float | None] = {}
        for folder in self._numbered("sys/class/thermal", "thermal_zone"):
            millidegrees = _number(folder / "temp")
            name = _free_name(_text(folder / "type") or folder.name, zones)
            zones[name] = None if millidegrees is None else millidegrees / 1e3
        return zones

    def clocks_mhz(self) -> dict[str, float]:
        """`cpu0`, `cpu4` and so on (one a group of cores that share a clock), `gpu`, `emc` -> MHz now."""
        clocks: dict[str, float | None] = {}
        for folder in self._numbered("sys/devices/system/cpu/cpufreq", "policy"):
            clocks[f"cpu{folder.name.removeprefix('policy')}"] = _scaled(folder / "scaling_cur_freq", 1e-3)
        for folder in self._all("sys/class/devfreq", "*"):
            if _GPU.search(folder.name):
                clocks[_free_name("gpu", clocks)] = _scaled(folder / "cur_freq", 1e-6)
        clocks["emc"] = _scaled(self.root / _EMC_RATE, 1e-6)
        return {name: mhz for name, mhz in clocks.items() if mhz is not None}

    def cooling(self) -> dict[str, int]:
        """Cooling device, fans left out -> its state, only those that slow something down now (above 0)."""
        states: dict[str, int] = {}
        for folder in self._numbered("sys/class/thermal", "cooling_device"):
            name, state = _text(folder / "type") or folder.name, _number(folder / "cur_state")
            if state is not None and state > 0 and not _FAN.search(name):
                states[_free_name(name, states)] = int(state)
        return states

    def over_current_events(self) -> dict[str, int]:
        """`oc1` to `oc3` -> times that the board throttled for its supply since it was started."""
        counts = {}
        for path in self._all("sys/class/hwmon", "hwmon*/oc*_event_cnt"):
            count = _number(path)
            if count is not None:
                counts[path.name.removesuffix("_event_cnt")] = int(count)
        return counts

    def rails_watts(self) -> dict[str, float]:
        """Rail -> watts now, from the INA3221 monitors."""
        rails = {}
        for label in self._all("sys/class/hwmon", "hwmon*/in*_label"):
            number = label.name.removeprefix("in").removesuffix("_label")
            name = _text(label)
            millivolts = _number(label.parent / f"in{number}_input")
            milliamperes = _number(label.parent / f"curr{number}_input")
            if name and name not in _NO_RAIL and millivolts is not None and milliamperes is not None:
                rails[name] = millivolts * milliamperes / 1e6
        return rails

    def board_watts(self) -> float | None:
        """What the whole board draws, or its largest measured part; None where nothing tells."""
        rails = self.rails_watts()
        return next((rails[name] for name in WHOLE_BOARD if name in rails), None)

    def nvpmodel(self) -> str | None:
        """Power mode of a Jetson, such as `15W (0)`: its name in /etc/nvpmodel.conf and its number."""
        found = re.search(r"pmode:\s*(\d+)", _text(self.root / "var/lib/nvpmodel/status") or "")
        if found is None:
            return None
        number = int(found[1])
        modes = _text(self.root / "etc/nvpmodel.conf") or ""
        name = re.search(rf"<\s*POWER_MODEL\s+ID={number}\s+NAME=([^\s>]+)", modes)
        return f"{name[1]} ({number})" if name else str(number)

    def record(self, temperatures_celsius: Mapping[str, float]) -> dict[str, Any]:
        """All of it, rounded, ready for JSON; empty or null where a machine does not tell.

        Args:
            temperatures_celsius: those that were read already and are believed.
        """
        return {
            "temperatures_celsius": _rounded(temperatures_celsius),
            "clocks_mhz": _rounded(self.clocks_mhz()),
            "cooling": self.cooling(),
            "over_current_events": self.over_current_events(),
            "power_watts": _rounded(self.rails_watts(), 2),
            "nvpmodel": self.nvpmodel(),
        }

    def _all(self, folder: str, pattern: str) -> Iterator[Path]:
        try:
            yield from sorted((self.root / folder).glob(pattern))
        except OSError:
            return

    def _numbered(self, folder: str, stem: str) -> list[Path]:
        """`stem0`, `stem1` and so on, by number."""
        found = [path for path in self._all(folder, f"{stem}*") if path.name.removeprefix(stem).isdigit()]
        return sorted(found, key=lambda path: int(path.name.removeprefix(stem)))


def mode_and_clocks(sysfs: Sysfs | None = None) -> tuple[str, str]:
    """Power mode, and clocks in MHz as `cpu0 1510 gpu 625`, each "none here" where the machine tells none."""
    sysfs = sysfs or Sysfs()
    clocks = " ".join(f"{name} {mhz:.0f}" for name, mhz in sysfs.clocks_mhz().items())
    return sysfs.nvpmodel() or NONE, clocks or NONE


def machine_line(sysfs: Sysfs | None = None) -> str:
    """`nvpmodel 15W (0), clocks cpu0 1510 gpu 625 MHz`, for the head of a benchmark."""
    mode, clocks = mode_and_clocks(sysfs)
    return f"nvpmodel {mode}, clocks {clocks}{'' if clocks == NONE else ' MHz'}"


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _number(path: Path) -> float | None:
    text = _text(path)
    return float(text) if text is not None and re.fullmatch(r"[+-]?\d+(\.\d+)?", text) else None


def _scaled(path: Path, factor: float) -> float | None:
    number = _number(path)
    return None if number is None else number * factor


def _free_name(wanted: str, taken: Mapping[str, Any]) -> str:
    """The name, numbered from the second of the same name on."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _rounded(values: Mapping[str, float], digits: int = 1) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}


def available_cpus() -> int:
    """Cores that this process may use, at least 1."""
    return max(1, len(os.sched_getaffinity(0)))
