"""An HTTP client as a viewer uses one: it reads a stream part by part, pictures and `/health`."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import simplejpeg

from edge.pictures.image import Image
from tests.doubles.waiting import GUARD_S


@dataclass
class Part:
    """One part of a stream as a viewer reads it."""

    headers: dict[str, str]
    body: bytes

    @property
    def seq(self) -> int:
        return int(self.headers["x-seq"])

    @property
    def state(self) -> str:
        return self.headers["x-state"]

    @property
    def image(self) -> Image:
        decoded: Image = simplejpeg.decode_jpeg(self.body, colorspace="RGB")
        return decoded


class Viewer:
    """An HTTP client that reads one stream, part by part."""

    def __init__(self, url: str, query: str = "view=enhanced") -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=GUARD_S)
        folder = urlsplit(url).path.rstrip("/")
        self.connection.request("GET", f"{folder}/stream.mjpg?{query}")
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        self.boundary = self.response.headers.get_param("boundary")

    def next(self) -> Part:
        while (line := self.response.readline()).strip() != f"--{self.boundary}".encode():
            if not line:
                raise EOFError("the stream ended")
        headers = {}
        while (line := self.response.readline()) != b"\r\n":
            if not line:
                raise EOFError("the stream ended within a part")
            name, _, value = line.decode().strip().partition(": ")
            headers[name.lower()] = value
        return Part(headers, self.response.read(int(headers["content-length"])))

    def until(self, wanted: Callable[[Part], bool], num_tries: int = 200) -> Part:
        for _ in range(num_tries):
            part = self.next()
            if wanted(part):
                return part
        raise AssertionError("the part that was waited for did not come")

    def close(self) -> None:
        self.response.close()
        self.connection.close()


def get(url: str, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=GUARD_S)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def health_of(url: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(get(url, "/health")[1])
    return record


def wait_for_frames(url: str, num_frames: int = 1) -> None:
    """Until so many were published; a frame dropped on the way counts for nothing."""
    pause = threading.Event()
    for _ in range(GUARD_S * 50):
        if health_of(url)["frames"] >= num_frames:
            return
        pause.wait(0.02)
    raise AssertionError(f"{num_frames} frames were not published")


def image_from_png(file: bytes) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def is_near(image: Image, colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    return bool((np.abs(image.astype(int) - colour) <= tolerance).all())
