"""A JPEG of strips is the JPEG of the whole, for every decoder; and no strip is copied that needs not be."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import simplejpeg

from edge.frames.frame import Frame, FramePair
from edge.health.state import Verdict
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from edge.web import state_strip, views
from edge.web import strips as strips_module
from edge.web.banner import stamp
from edge.web.strips import STRIP_ROWS, jpeg_of_strips, strips_of
from edge.web.views import View, ViewEncoder, status_of

QUALITY = 85
LIVE = Verdict("live")


@pytest.fixture(scope="module")
def picture() -> Image:
    image = DemoRenderer(0).degraded(30)
    image.flags.writeable = False
    return image


@pytest.fixture(scope="module")
def pair(picture: Image) -> FramePair:
    raw = Frame(picture, 7, 1)
    lifted = cv2.convertScaleAbs(picture, alpha=1.2, beta=-20)
    return FramePair(raw, raw.enhanced(np.asarray(lifted, np.uint8), "live", {}))


def in_one_piece(image: Image, quality: int = QUALITY) -> bytes:
    jpeg: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), quality=quality, colorspace="RGB", colorsubsampling="420", fastdct=True
    )
    return jpeg


def turbo(jpeg: bytes) -> Image:
    return np.asarray(simplejpeg.decode_jpeg(jpeg, "RGB", strict=True), np.uint8)


def opencv(jpeg: bytes) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("decode", [turbo, opencv])
@pytest.mark.parametrize("quality", [40, 85, 100])
@pytest.mark.parametrize(
    "size_px", [(1920, 1080), (480, 270), (1917, 1001), (16, STRIP_ROWS), (33, STRIP_ROWS + 1), (7, 5)], ids=str
)
def test_a_jpeg_of_strips_has_the_pixels_of_the_whole(picture, size_px, quality, decode):
    image = picture[: size_px[1], : size_px[0]]
    made = jpeg_of_strips(strips_of(image), quality)
    np.testing.assert_array_equal(decode(made), decode(in_one_piece(image, quality)))


@pytest.mark.parametrize("num_rows", [1080, STRIP_ROWS + 1, STRIP_ROWS, 5])
def test_a_second_thread_encodes_the_lower_half(picture, num_rows):
    """Which threads did it, and the same JPEG."""
    strips, threads = strips_of(picture[:num_rows]), set()
    with ThreadPoolExecutor(1) as helper, pytest.MonkeyPatch.context() as patch:
        encode = strips_module._encoded
        patch.setattr(
            strips_module, "_encoded", lambda *one: threads.add(threading.current_thread().name) or encode(*one)
        )
        made = jpeg_of_strips(strips, QUALITY, helper)
    assert made == jpeg_of_strips(strips, QUALITY)
    assert len(threads) == min(2, len(strips))


def test_the_numbers_of_the_markers_begin_again_after_eight(picture):
    high = np.concatenate([picture, picture[::-1]])
    made = jpeg_of_strips(strips_of(high), QUALITY)
    np.testing.assert_array_equal(turbo(made), turbo(in_one_piece(high)))
    assert len(made) <= len(in_one_piece(high)) + 16 * len(strips_of(high))


@pytest.mark.parametrize("name", ["enhanced", "raw", "pair", "split"])
@pytest.mark.parametrize(
    "verdict", [LIVE, Verdict("live", notices=("disk full",)), Verdict("stale", age_ms=900.0)], ids=str
)
def test_a_view_shows_what_the_stamped_picture_shows(pair, name, verdict):
    made = ViewEncoder().encoded(View(name), pair, verdict, QUALITY)
    enhanced = stamp(pair.enhanced.image, status_of(pair.enhanced, verdict), "left" if name == "enhanced" else "right")
    raw = stamp(pair.raw.image, status_of(pair.raw, verdict, "raw", has_notices=name == "raw"))
    wanted = {"enhanced": [enhanced], "raw": [raw], "pair": [enhanced, raw], "split": [halves(raw, enhanced, verdict)]}
    at = made.num_bytes_enhanced
    found = [made.jpeg[:at], made.jpeg[at:]] if at else [made.jpeg]
    for number, (jpeg, image) in enumerate(zip(found, wanted[name], strict=True)):
        is_raw = name == "raw" or number == 1
        state_strip.draw(image, 7, verdict.state, "raw" if is_raw else "enhanced")
        np.testing.assert_array_equal(turbo(jpeg), turbo(in_one_piece(image)))


def halves(raw: Image, enhanced: Image, verdict: Verdict) -> Image:
    both = np.concatenate([raw[:, :960], enhanced[:, 960:]], axis=1)
    if verdict.state == "live":
        both[:, 959:961] = 255
    return both


@pytest.mark.parametrize("at", [0.3, 0.7])
def test_of_two_halves_the_wider_one_tells_the_notices(pair, at):
    said, quiet = Verdict("live", notices=("camera head: over temperature",)), LIVE
    made, plain = (turbo(ViewEncoder().encoded(View("split", at), pair, one, 100).jpeg) for one in (said, quiet))
    columns = np.flatnonzero((made.astype(int) - plain > 60).any(axis=(0, 2)))
    cut_px = round(at * 1920)
    assert columns.size and ((columns > cut_px).all() if at < 0.5 else (columns < cut_px).all())


def test_a_split_cuts_each_label_where_the_other_half_begins(pair):
    at = 0.1
    made = turbo(ViewEncoder().encoded(View("split", at), pair, LIVE, 100).jpeg).astype(int)
    raw = stamp(pair.raw.image, status_of(pair.raw, LIVE, "raw"))
    wanted = stamp(pair.enhanced.image, status_of(pair.enhanced, LIVE), "right").astype(int)
    wanted[:, :192] = raw[:, :192]
    assert np.abs(made - wanted)[:, 208:].max() < 60, "nothing of raw's label"
    assert np.abs(made - wanted)[:64, :180].mean() < 4


def test_of_a_live_picture_only_the_strips_with_the_banner_and_the_frames_number_are_copied(pair, monkeypatch):
    given: list[Image] = []
    monkeypatch.setattr(views, "jpeg_of_strips", lambda strips, *how: given.extend(strips) or b"")
    encoder = ViewEncoder()
    for name in ("enhanced", "raw", "pair"):
        given.clear()
        encoder.encoded(View(name), pair, LIVE, QUALITY)
        frames = [frame for frame in (pair.enhanced, pair.raw) if name in (frame.mode, "pair")]
        copied = [one for one in given if not any(np.shares_memory(one, frame.image) for frame in frames)]
        assert [one.shape[0] for one in copied] == [STRIP_ROWS, 1080 % STRIP_ROWS] * len(frames)
        assert sum(one.shape[0] for one in given) == 1080 * len(frames)


def test_what_is_drawn_is_never_left_from_the_picture_before(pair):
    encoder = ViewEncoder()
    encoder.encoded(View("enhanced"), pair, Verdict("no-signal", age_ms=900.0), QUALITY)
    encoder.encoded(View("split"), pair, LIVE, QUALITY)
    again = encoder.encoded(View("enhanced"), pair, LIVE, QUALITY)
    assert again.jpeg == ViewEncoder().encoded(View("enhanced"), pair, LIVE, QUALITY).jpeg
