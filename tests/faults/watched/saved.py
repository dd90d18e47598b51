"""The folder of saved pictures, looked at from outside: each file whole, each save that was told of there."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import threading
import time
from pathlib import Path

import cv2


def faults_of_folder(folder: Path, saved: list[str]) -> list[str]:
    """What is wrong, a line each.

    Args:
        saved: names of enhanced pictures that `/events` said were saved.
    """
    wrong = [f"{name}: told as saved, not there" for name in saved if not (folder / name).exists()]
    described: set[str] = set()
    for sidecar in folder.glob("*.json"):
        try:
            files = json.loads(sidecar.read_text())["output"]["files"]
        except (ValueError, KeyError) as error:
            wrong.append(f"{sidecar.name}: not a whole sidecar ({error})")
            continue
        for file in files:
            described.add(file["name"])
            path = folder / file["name"]
            if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
                wrong.append(f"{path.name}: absent, or not what its sidecar says")
    for picture in folder.glob("*.png"):
        if picture.name not in described:
            image = cv2.imread(str(picture))
            wrong += [] if image is not None and image.size else [f"{picture.name}: half a picture"]
    return wrong


def leftovers(folder: Path) -> list[str]:
    """Temporary files that nobody will finish."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".") or path.name.endswith(".part"))


class SaveListener(threading.Thread):
    """Reads `/events` and keeps what was saved and refused."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.saved: list[str] = []
        self.refused: list[str] = []
        self.health: list[tuple[int, dict[str, str]]] = []
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self._listen()
            self._stopping.wait(0.1)

    def _listen(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", "/events")
            answer, kind = connection.getresponse(), ""
            while line := answer.readline().decode().strip("\n"):
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    self._take(kind, json.loads(value))
                    answer.readline()
        finally:
            connection.close()

    def _take(self, kind: str, data: dict[str, str]) -> None:
        if kind == "saved":
            self.saved.append(data["name"])
        elif kind == "not-saved":
            self.refused.append(data["reason"])
        elif kind == "health":
            self.health.append((time.monotonic_ns(), data))

    def stop(self) -> None:
        self._stopping.set()
