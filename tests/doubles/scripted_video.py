"""Stands in for the video process, at the hub's side of its messages: codes nothing, and answers what it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

SPS, PPS = bytes.fromhex("6742c02895a01e0089f961000003000100000300320f1832a0"), bytes.fromhex("68ce3c80")
"""Of x264: Constrained Baseline, level 4."""
_START = b"\0\0\0\1"


def access_unit(*, is_whole: bool, num_bytes: int = 4000) -> bytes:
    """Annex B; its slices hold nothing that can be decoded."""
    slice_ = (b"\x65" if is_whole else b"\x41") + bytes(1 + number % 250 for number in range(num_bytes - 1))
    sets = [SPS, PPS] if is_whole else []
    return b"".join(_START + nal for nal in [*sets, slice_])


class ScriptedVideo:
    """Implements what the hub uses of `edge.video.child.VideoChild`.

    Args:
        lacks: what it says of WebRTC.
        answers: whether it codes what it is given, and answers offers.
    """

    made: ScriptedVideo

    def __init__(
        self,
        num_bytes: int,
        on_message: Callable[[dict[str, Any], bytes], None],
        *,
        lacks: tuple[str, ...] = (),
        answers: bool = True,
    ) -> None:
        self.pictures = np.zeros(num_bytes, np.uint8)
        self.told: list[dict[str, Any]] = []
        self.is_gone = self.is_hung = False
        self.process_id, self.why_gone = 1, "it ended with status 1"
        self.unit_bytes = 4000
        self._on_message, self._answers = on_message, answers
        self._has_coded: set[str] = set()
        hello = {"kind": "hello", "encoders": ["x264enc"], "webrtc_lacks": list(lacks), "version": "1.22"}
        on_message(hello, b"")

    def tell(self, told: dict[str, Any]) -> None:
        self.told.append(told)
        if not self._answers:
            return
        if told["kind"] == "whole":
            self._has_coded.discard(told["view"])
        elif told["kind"] == "picture":
            is_whole = told["view"] not in self._has_coded
            self._has_coded.add(told["view"])
            self._say(
                {"kind": "coded", "view": told["view"], "t_ns": told["t_ns"], "whole": is_whole},
                access_unit(is_whole=is_whole, num_bytes=self.unit_bytes),
            )
        elif told["kind"] == "offer":
            self._say({"kind": "answer", "peer": told["peer"], "sdp": "v=0\r\nan answer\r\n"})

    def say(self, told: dict[str, Any]) -> None:
        """As the process would by itself."""
        self._on_message(told, b"")

    def die(self) -> None:
        self.is_gone = True
        self.say({"kind": "gone"})

    def close(self) -> None:
        if not self.is_gone:
            self.die()

    def kinds(self) -> list[str]:
        return [told["kind"] for told in self.told]

    def _say(self, told: dict[str, Any], blob: bytes = b"") -> None:
        threading.Thread(target=self._on_message, args=(told, blob)).start()
