"""The real program: another profile by the page, while pictures come."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.guarded import Guest
from tests.doubles.waiting import GUARD_S, wait_until

pytestmark = pytest.mark.slow


LAUNCHER = f"""
import sys
import edge.guard.process as process
process.DEADLINE_S = process.HUNG_S = {GUARD_S}
from edge.cli import main
sys.exit(main())
"""
"""The program with an engine that is waited for: one that a busy machine keeps waiting is not exchanged for that."""


class Unit:
    """`edge-enhance --live` on the demo, on the CPU."""

    def __init__(self, folder: Path) -> None:
        config = folder / "edge.toml"
        config.write_text(f'[engine]\nbackend = "cpu"\n[save]\nfolder = "{folder}"\n')
        self.socket = folder / "web.sock"
        arguments = ["--live", "--source", "demo:?fps=10", "--listen", f"unix:{self.socket}", "--config", str(config)]
        self.process = subprocess.Popen([sys.executable, "-c", LAUNCHER, *arguments], stderr=subprocess.DEVNULL)
        self.guest = Guest(f"unix://{self.socket}")

    def state(self) -> dict[str, Any]:
        with suppress(OSError):
            found: dict[str, Any] = json.loads(self.guest.ask("GET", "/api/state")[2])
            return found
        return {}

    def wait_for(self, **wanted: Any) -> None:
        try:
            wait_until(lambda: wanted.items() <= self.state().items())
        except AssertionError as error:
            raise AssertionError(f"{wanted} did not come: {self.state()}") from error

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(GUARD_S)


@pytest.fixture
def unit() -> Iterator[Unit]:
    with tempfile.TemporaryDirectory() as folder:
        unit = Unit(Path(folder))
        yield unit
        unit.close()


def test_the_picture_stays_enhanced_while_the_profile_is_exchanged(unit: Unit) -> None:
    unit.wait_for(profile="live", mode="enhanced")
    wait_until(lambda: "live-fast" in {one["name"] for one in unit.state()["profiles"]})
    modes: set[tuple[str, str]] = set()
    has_ended = threading.Event()

    def watch() -> None:
        while not has_ended.is_set():
            state = unit.state()
            modes.add((state["profile"], state["mode"]))
            time.sleep(0.02)

    watching = threading.Thread(target=watch)
    watching.start()
    status, _, body = unit.guest.ask("POST", "/api/profile?name=live-fast")
    assert (status, json.loads(body)) == (200, {"profile": "live-fast"})
    unit.wait_for(profile="live-fast", mode="enhanced", state="live")
    wait_until(lambda: "live-fast" in {profile for profile, _ in modes})
    has_ended.set()
    watching.join()
    assert {profile for profile, _ in modes} == {"live", "live-fast"}
    assert ("", "raw") not in modes, "at no moment was there no engine"
    assert unit.guest.ask("POST", "/api/profile?name=miinet")[0] == 409, "it is not installed"
    assert unit.state()["profile"] == "live-fast"
