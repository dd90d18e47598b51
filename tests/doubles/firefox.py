"""Firefox without a screen, driven by WebDriver BiDi, which it speaks itself: no geckodriver is needed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.doubles.waiting import GUARD_S

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """One page of a running Firefox."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._num_asked = 0
        self._loop.run_until_complete(self._open())

    async def _open(self) -> None:
        self._session = aiohttp.ClientSession()
        address = f"ws://127.0.0.1:{self._port}/session"
        self._socket = await self._session.ws_connect(address, max_msg_size=0)
        await self._ask("session.new", capabilities={})
        tree = await self._ask("browsingContext.getTree")
        self._context = tree["contexts"][0]["context"]
        await self._show(1920, 1080)

    def close(self) -> None:
        self._loop.run_until_complete(self._socket.close())
        self._loop.run_until_complete(self._session.close())
        self._loop.close()

    def goto(self, url: str) -> None:
        """Begin to load; a stream never ends to load."""
        self._loop.run_until_complete(
            self._ask("browsingContext.navigate", context=self._context, url=url, wait="none")
        )

    def set_viewport_size(self, size: dict[str, int]) -> None:
        """As playwright's."""
        self._loop.run_until_complete(self._show(size["width"], size["height"]))

    async def _show(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        await self._ask("browsingContext.setViewport", context=self._context, viewport=viewport)

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression of the page gives, as text, number or truth."""
        target = {"context": self._context}
        answer = self._loop.run_until_complete(
            self._ask("script.evaluate", expression=expression, target=target, awaitPromise=True)
        )
        if answer["type"] != "success":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """PNG of 1920x1080."""
        answer = self._loop.run_until_complete(self._ask("browsingContext.captureScreenshot", context=self._context))
        return base64.b64decode(answer["data"])

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._num_asked += 1
        await self._socket.send_json({"id": self._num_asked, "method": method, "params": params})
        while True:
            answer = json.loads((await self._socket.receive(GUARD_S)).data)
            if answer.get("id") == self._num_asked:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['message']}")
                return dict(answer["result"])


@contextmanager
def started_firefox(folder: Path) -> Iterator[Firefox]:
    """A Firefox with a profile of its own in this folder, ended with the block.

    Raises:
        RuntimeError: it did not come up.
    """
    assert FIREFOX is not None, "Firefox is not installed"
    profile, log_path = folder / "profile", folder / "firefox.log"
    profile.mkdir()
    command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    environment = {**os.environ, "HOME": str(folder)}
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command, "about:blank"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        firefox = Firefox(_port_told(process, log_path))
        try:
            yield firefox
        finally:
            firefox.close()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port_told(process: subprocess.Popen[bytes], log_path: Path) -> int:
    until_s = time.monotonic() + GUARD_S
    while time.monotonic() < until_s and process.poll() is None:
        _, found, rest = log_path.read_text(errors="replace").partition("BiDi listening on ws://127.0.0.1:")
        if (found and "\n" in rest) or rest[-1:].isdigit():
            return int("".join(character for character in rest[:6] if character.isdigit()))
        time.sleep(0.1)
    raise RuntimeError(f"Firefox did not come up: {log_path.read_text(errors='replace')[-1000:]}")
