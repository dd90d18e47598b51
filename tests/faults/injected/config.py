"""Reloads of a wrong or right configuration, and of altered models."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.injected.registry import Expected, fault
from tests.faults.unit import Unit

# ---- configuration


def _reloads(name: str, spoil: Callable[[Unit], Callable[[], None]], *, accepted: bool) -> None:
    """Spoil something, ask for a reload, and see it refused (or taken) whole."""

    @fault(name, "config", (0.0, 0.3))
    def work(unit: Unit) -> Iterator[None]:
        count = unit.reload_count()
        if count is None:
            raise Expected("/health tells of no reloads, or does not answer")
        pid = unit.program.pid
        mend = spoil(unit)
        try:
            os.kill(pid, signal.SIGHUP)
            yield
            record = unit.reloaded(count)
        finally:
            mend()
        if record is None and pid == unit.program.pid:
            raise Expected("SIGHUP was not answered within 30 s")
        if record is not None and record["ok"] != accepted:
            raise Expected(f"a reload that should be {'taken' if accepted else 'refused'}: {record}")


def _with_text(change: Callable[[str], str]) -> Callable[[Unit], Callable[[], None]]:
    def spoil(unit: Unit) -> Callable[[], None]:
        unit.write_config(change(unit.config_text))
        return lambda: unit.write_config(unit.config_text)

    return spoil


def _with_bytes(name: str) -> Callable[[Unit], Callable[[], None]]:
    """A model's file with some bytes altered, put in its place whole as an update would."""

    def spoil(unit: Unit) -> Callable[[], None]:
        path = unit.models / "live" / name
        good = path.read_bytes()
        middle = len(good) // 2
        _replace(path, good[:middle] + bytes(64) + good[middle + 64 :])
        return lambda: _replace(path, good)

    return spoil


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.campaign")
    fresh.write_bytes(content)
    fresh.replace(path)


_reloads("reload: not TOML", _with_text(lambda text: text + "\n[engine\n"), accepted=False)
_reloads("reload: unknown key", _with_text(lambda text: text + "[web]\nlisten_to = 3\n"), accepted=False)
_reloads("reload: out of range", _with_text(lambda text: text + "[web]\njpeg_quality = 900\n"), accepted=False)
_reloads(
    "reload: no such profile",
    _with_text(lambda text: text.replace("[engine]", '[engine]\nprofile = "absent"')),
    accepted=False,
)
_reloads("reload: model altered", _with_bytes("model.onnx"), accepted=False)
_reloads("reload: dehazer altered", _with_bytes("dehaze.onnx"), accepted=False)
_reloads("reload: right", _with_text(lambda text: text), accepted=True)
