"""The whole program: an emergency by one touch, a picture and a recording, the session closed, all of it in Orthanc."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pydicom
import pytest

from tests.doubles.orthanc import Orthanc, needs_orthanc
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S, wait_until
from tests.paths import REPOSITORY

pytestmark = [needs_orthanc, pytest.mark.slow]


class Unit:
    """`edge-enhance --live` with the demo."""

    def __init__(self, folder: Path, pacs: dict[str, Any]) -> None:
        self.port = free_port()
        config = folder / "edge.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in pacs.items()]
        config.write_text("\n".join(["[pacs]", *lines, f'[web]\nlisten = "127.0.0.1:{self.port}"\n']))
        words = [sys.executable, "-m", "edge.cli", "--live", "--config", str(config)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "STATE_DIRECTORY": str(folder / "state")}
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env=environment)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", content, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=GUARD_S) as answer:
            return json.loads(answer.read() or b"null") if "json" in answer.headers["Content-Type"] else None

    def health(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.ask("GET", "/health")
        except OSError:
            return {}
        return found

    def saved(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.ask("GET", "/api/saved")["items"] if item["kind"] == kind]

    def num_views(self) -> int:
        return sum(len(item["views"]) for item in self.saved("pair") + self.saved("recording"))

    def is_done(self, path: str) -> bool:
        """Whether it could be done at this moment."""
        try:
            self.ask("POST", path)
        except urllib.error.HTTPError:
            return False
        return True

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(GUARD_S)


def test_from_a_touch_to_the_archive(tmp_path: Path) -> None:
    port = free_port()
    with Orthanc(tmp_path / "orthanc", own=("EDGE-ENHANCE", port)) as orthanc:
        keys = {"host": "127.0.0.1", "port": orthanc.dicom_port, "listen": f"127.0.0.1:{port}"}
        unit = Unit(tmp_path, keys)
        try:
            wait_until(lambda: unit.health().get("frames", 0) > 5)
            wait_until(lambda: unit.health().get("parts", {}).get("pacs", {}).get("state") == "ok")
            told = unit.ask("POST", "/api/session", {"emergency": True})["session"]
            wait_until(lambda: unit.is_done("/api/recording/start"))
            wait_until(lambda: (unit.ask("GET", "/api/state")["recording"] or {}).get("seconds", 0) > 1)
            unit.ask("POST", "/api/recording/stop")
            wait_until(lambda: unit.is_done("/api/save"))  # only what is live is saved
            wait_until(lambda: unit.saved("pair") and unit.saved("recording"))
            unit.ask("DELETE", "/api/session")
            wait_until(lambda: unit.health()["pacs"]["committed"] == unit.num_views() > 1)
            num_views = unit.num_views()
            found = [pydicom.dcmread(io.BytesIO(orthanc.file(uid))) for uid in orthanc.instances()]
        finally:
            unit.stop()
    assert len(found) == num_views
    assert {one.SOPClassUID.name for one in found} == {"VL Endoscopic Image Storage", "Video Endoscopic Image Storage"}
    assert len({str(one.PatientName) for one in found}) == 1 and "EMERGENCY" in told["label"]
    assert len({one.StudyInstanceUID for one in found}) == 1
    assert str(found[0].PatientName).split("^")[1] not in unit.log.read_text()
