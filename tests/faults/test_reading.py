"""The watcher's eyes: what it reads from pixels must be what is there, and a lie must be seen."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
import simplejpeg

from edge.pictures.image import Image
from edge.web.banner import Status, blank, stamp
from tests.faults.watched.pictures import Reader
from tests.faults.watched.timecode import OTHER, Code, now_code, read_code, write_code

STATES = ("live", "frozen", "stale", "no-signal", "starting")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    from edge.sources.demo.render import DemoRenderer

    renderer = DemoRenderer(3, 10.0)
    return np.stack([renderer.degraded(12 + index) for index in range(2)])


def shown(image: Image, height_px: int = 540) -> Image:
    """As it comes out of the stream, decoded at half its size."""
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=85, colorsubsampling="420", fastdct=True)
    whole = simplejpeg.decode_jpeg(jpeg)
    return whole if height_px == 1080 else cv2.resize(whole, (960, 540), interpolation=cv2.INTER_AREA)


def test_code_comes_back(frames: np.ndarray) -> None:
    image = frames[0].copy()
    write_code(image, Code(4095, 12345678, OTHER))
    assert read_code(shown(image)) == Code(4095, 12345678, OTHER)
    assert read_code(shown(image, 1080)) == Code(4095, 12345678, OTHER)
    assert read_code(frames[0]) is None


def test_code_survives_grey_blur_and_contrast(frames: np.ndarray) -> None:
    image = frames[0].copy()
    write_code(image, Code(17, 99, OTHER))
    image = cv2.GaussianBlur(image, (0, 0), 2.0)
    image = np.repeat((image.mean(axis=2, keepdims=True) * 0.5 + 60).astype(np.uint8), 3, axis=2)
    assert read_code(shown(image)) == Code(17, 99, OTHER)


def test_damaged_code_is_not_believed(frames: np.ndarray) -> None:
    image = frames[0].copy()
    write_code(image, Code(17, 99, OTHER))
    image[1000:1060, 400:416] = 255 - image[1000:1060, 400:416]
    image[1000:1060, 416:432] = 255 - image[1000:1060, 416:432]
    assert read_code(image) is None


def test_age() -> None:
    before_ns = time.monotonic_ns()
    code = now_code(1)
    after_ns = time.monotonic_ns()
    assert code.age_ms(before_ns) < 1 and code.age_ms(after_ns) >= 0, "taken between the two, to a millisecond"
    assert Code(0, (1 << 24) - 100, 0).age_ms(200 * 1_000_000) == pytest.approx(300)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("mode", ["raw", "enhanced"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_banner_is_read(frames: np.ndarray, state: str, mode: str, side: str) -> None:
    image = frames[0].copy()
    write_code(image, now_code(0))
    status = Status(state, mode, "live" if mode == "enhanced" else "", "the engine hangs", 1234.0, ("not saved",))
    seen = Reader(frames).seen(shown(stamp(image, status, side)))
    assert seen.state == state
    assert seen.mode == ("" if state == "starting" else mode)


def test_no_picture_yet_is_not_live(frames: np.ndarray) -> None:
    seen = Reader(frames).seen(shown(stamp(blank(), Status("starting", "raw"))))
    assert (seen.state, seen.code) == ("starting", None)


def test_pixels_without_banner_are_unreadable(frames: np.ndarray) -> None:
    image = frames[0].copy()
    write_code(image, now_code(0))
    assert Reader(frames).seen(shown(image)).state == "unreadable"


def test_raw_and_enhanced_pixels_are_told_apart(frames: np.ndarray) -> None:
    from edge.engines.cpu import open_cpu_engine
    from edge.models.profile import SHIPPED, load_profile

    image = frames[0].copy()
    write_code(image, now_code(0))
    engine = open_cpu_engine(load_profile("live", (SHIPPED,)))
    enhanced = engine.enhance(image).image
    engine.close()
    lies = {}
    for name, pixels in (("raw", image), ("enhanced", enhanced)):
        seen = Reader(frames).seen(shown(stamp(pixels, Status("live", "enhanced", "live"), "right")))
        assert seen.code is not None and seen.code.seq == 0
        lies[name] = seen.pixels
    assert lies == {"raw": "raw", "enhanced": "enhanced"}
