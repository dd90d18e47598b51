"""A real Orthanc on free ports of the loopback, its files in a folder of the test's; tests skip where there is none."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.ports import free_port

PROGRAM = shutil.which("Orthanc")
PLUGINS = Path("/usr/share/orthanc/plugins")
needs_orthanc = pytest.mark.skipif(PROGRAM is None, reason="needs Orthanc: apt-get install orthanc orthanc-dicomweb")
_PATIENCE_S = 60.0


class Orthanc:
    """Runs between `start` and `stop`; may be started again, with all that it stored.

    Args:
        own: AE title and port of the unit, whom it may tell what it has stored.
        settings: of its configuration, over those for a test.
        plugins: names of those that are loaded, such as `libOrthancDicomWeb.so`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        own: tuple[str, int] = ("EDGE-ENHANCE", 1),
        plugins: tuple[str, ...] = (),
        **settings: Any,
    ) -> None:
        self.folder, self.dicom_port, self.http_port = folder, free_port(), free_port()
        self._child: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "Name": "test",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "HttpPort": self.http_port,
            "DicomAet": "PACS",
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": True,
            "DicomScpTimeout": 30,
            "DicomAlwaysAllowEcho": False,
            "DicomAlwaysAllowStore": False,
            "DicomModalities": {
                "unit": {"AET": own[0], "Host": "127.0.0.1", "Port": own[1], "AllowStorageCommitment": True}
            },
            "Plugins": [str(PLUGINS / name) for name in plugins],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            **settings,
        }
        (folder / "orthanc.json").write_text(json.dumps(config))

    def start(self) -> Orthanc:
        assert PROGRAM is not None
        with (self.folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                [PROGRAM, str(self.folder / "orthanc.json")], stdout=log, stderr=log, cwd=self.folder
            )
        end_s = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert self._child.poll() is None and time.monotonic() < end_s, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """As a power cut."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def __enter__(self) -> Orthanc:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def get(self, path: str) -> Any:
        """JSON, or bytes where it is none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=30) as answer:
            content = answer.read()
            return json.loads(content) if "json" in answer.headers["Content-Type"] else content

    def instances(self) -> dict[str, str]:
        """SOP instance UID -> Orthanc's own id."""
        return {str(one["MainDicomTags"]["SOPInstanceUID"]): str(one["ID"]) for one in self.get("/instances?expand")}

    def file(self, uid: str) -> bytes:
        """What it gives back for a SOP instance UID."""
        content = self.get(f"/instances/{self.instances()[uid]}/file")
        assert isinstance(content, bytes)
        return content

    def _answers(self) -> bool:
        try:
            self.get("/system")
        except (OSError, urllib.error.URLError):
            return False
        return True
