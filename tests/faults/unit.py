"""All that a fault may touch: the program, its switches, its disk, its camera head and its viewers."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psutil

from edge.models.profile import SHIPPED
from tests.doubles.ports import free_port
from tests.faults.injected.head import Head
from tests.faults.injected.source import make_frames
from tests.faults.injected.switches import Switch
from tests.faults.program import Program
from tests.faults.watched.viewers import Crowd

DISK_MIB = 96


@dataclass
class Unit:
    """One of each.

    Attributes:
        folder: everything of this campaign lies here.
        pictures: where the program saves; a small disk of its own where `has_disk`.
        models: the unit's own profiles.
    """

    folder: Path
    program: Program
    source: Switch
    engine: Switch
    clock: Switch
    head: Head | None
    pictures: Path
    models: Path
    config: Path
    config_text: str
    has_disk: bool
    random: Random

    def crowd(self) -> Crowd:
        return Crowd(self.program.port, self.random.randrange(1 << 30))

    def worker(self) -> psutil.Process | None:
        """The engine's process, None where inference has none of its own or it is being started."""
        for child in self.program.children():
            with contextlib.suppress(psutil.Error):
                if "worker" in " ".join(child.cmdline()):
                    return child
        return None

    def write_config(self, text: str) -> None:
        self.config.write_text(text)

    def reload_count(self) -> int | None:
        """How often the program has read its configuration anew; None where it cannot."""
        health = self.program.health()
        if health is None or "reload" not in health:
            return None
        reload = health["reload"]
        return 0 if reload is None else int(reload["count"])

    def reloaded(self, count: int, timeout_s: float = 30.0) -> dict[str, Any] | None:
        """The record of the reload after `count` others; None where none came."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            health = self.program.health()
            if health and health.get("reload") and health["reload"]["count"] > count:
                return dict(health["reload"])
            time.sleep(0.1)
        return None

    def close(self) -> int | None:
        """Stop everything; the program's exit code."""
        code = self.program.stop()
        if self.head is not None:
            self.head.close()
        if self.has_disk:
            subprocess.run(["umount", str(self.pictures)], check=False)
        return code


def made_unit(folder: Path, seed: int, fps: float, *, with_head: bool = True) -> Unit:
    """Set everything up; nothing runs yet but the camera head."""
    frames, pictures, models = folder / "frames.npy", folder / "pictures", folder / "models"
    if not frames.exists():
        make_frames(frames)
    pictures.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SHIPPED / "live", models / "live", dirs_exist_ok=True)
    head = Head(folder / "camera-head") if with_head else None
    text = (
        '[source]\nuri = "demo:?fps=30"\nwait = true\n'
        f'[engine]\nmodels = "{models}"\nkeys = ""\nbackend = "cpu"\n[save]\nfolder = "{pictures}"\n'
        + (f'[bridge]\nport = "{folder / "camera-head"}"\n' if with_head else "")
    )
    config = folder / "edge.toml"
    config.write_text(text)
    port = free_port()
    arguments = ["--config", str(config), "--listen", f"127.0.0.1:{port}"]
    return Unit(
        folder,
        Program(folder, port, arguments, fps=fps, frames=frames),
        *(Switch(name, folder) for name in ("source", "engine", "clock")),
        head,
        pictures,
        models,
        config,
        text,
        _mounted(pictures),
        Random(seed),
    )


def _mounted(folder: Path) -> bool:
    """A small disk of its own, where we may mount one."""
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
