"""The strip is read back through JPEG at every size; what was changed is refused, never misread."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import simplejpeg

from edge.frames.frame import Frame, FramePair
from edge.health.state import Verdict
from edge.pictures.image import Image
from edge.web import state_strip
from edge.web.banner import PictureState
from edge.web.sizes import WIDTHS_PX
from edge.web.state_strip import NUM_SEQS, Stripe, draw, read
from edge.web.strips import jpeg_of_strips, strips_of
from edge.web.views import View, ViewEncoder, snapshot

STATES = get_args(PictureState)
SIZES = [(width_px, width_px * 9 // 16) for width_px in WIDTHS_PX]


@pytest.fixture(scope="module")
def draw_of() -> np.random.Generator:
    return np.random.default_rng(18)


def noise(size_px: tuple[int, int], draw_of: np.random.Generator) -> Image:
    return draw_of.integers(0, 256, (size_px[1], size_px[0], 3), dtype=np.uint8)


def decoded(jpeg: bytes) -> Image:
    return np.asarray(simplejpeg.decode_jpeg(jpeg, "RGB"), np.uint8)


@pytest.mark.parametrize("quality", [50, 60, 70, 85, 95])
@pytest.mark.parametrize("size_px", [*SIZES, (192, 108), (1917, 1001), (640, 129)], ids=str)
def test_it_is_read_back_through_jpeg_over_noise(
    size_px: tuple[int, int], quality: int, draw_of: np.random.Generator
) -> None:
    for number, said in enumerate(
        (Stripe(0, "starting", "raw"), Stripe(NUM_SEQS - 1, "no-signal", "enhanced"), Stripe(0x5A5A5A5, "live", "raw"),
         *(Stripe(int(draw_of.integers(NUM_SEQS)), STATES[one % 5], "enhanced") for one in range(5)))
    ):  # fmt: skip
        picture = noise(size_px, draw_of) if number % 2 else np.full((size_px[1], size_px[0], 3), 255, np.uint8)
        draw(picture, said.seq, said.state, said.mode)
        assert read(decoded(jpeg_of_strips(strips_of(picture), quality))) == said


def test_numbers_begin_again_and_the_first_frame_may_be_missing() -> None:
    picture = np.zeros((8, 192, 3), np.uint8)
    draw(picture, NUM_SEQS + 5, "live", "raw")
    assert read(picture) == Stripe(5, "live", "raw")
    draw(picture, None, "starting", "raw")
    assert read(picture) == Stripe(0, "starting", "raw")


def test_every_change_of_up_to_three_cells_is_refused(draw_of: np.random.Generator) -> None:
    """CRC-16/CCITT-FALSE finds every such change in so short a word."""
    picture = np.zeros((4, 192, 3), np.uint8)
    draw(picture, 1234567, "live", "enhanced")
    for _ in range(2000):
        changed = picture.copy()
        for cell in draw_of.choice(48, int(draw_of.integers(1, 4)), replace=False):
            changed[:, 4 * cell : 4 * cell + 4] = 255 - changed[:, 4 * cell : 4 * cell + 4]
        assert read(changed) is None


def test_pictures_without_a_strip_are_not_read_as_one(draw_of: np.random.Generator) -> None:
    flat = [np.full((270, 480, 3), grey, np.uint8) for grey in (0, 16, 128, 235, 255)]
    for picture in (*flat, *(noise((480, 270), draw_of) for _ in range(200))):
        assert read(picture) is None
    cells = [np.repeat(np.repeat(draw_of.integers(0, 2, (1, 48, 1)) * 255, 4, 0), 4, 1) for _ in range(2000)]
    assert sum(read(np.repeat(one, 3, 2).astype(np.uint8)) is not None for one in cells) <= 1, "one in 2**16"


@pytest.mark.parametrize("shape", [(3, 480, 3), (270, 191, 3), (1, 1, 3)])
def test_no_room_for_it_is_no_strip(shape: tuple[int, int, int]) -> None:
    picture = np.full(shape, 77, np.uint8)
    draw(picture, 1, "live", "raw")
    assert (picture == 77).all()
    assert read(picture) is None


def test_it_is_in_a_grey_cell_that_a_strip_is_refused() -> None:
    picture = np.zeros((4, 192, 3), np.uint8)
    draw(picture, 7, "live", "raw")
    picture[:, 4:8] = 128
    assert read(picture) is None


@pytest.mark.parametrize("width_px", WIDTHS_PX)
@pytest.mark.parametrize("name", ["raw", "enhanced", "pair", "split"])
def test_every_streamed_picture_has_it_at_its_own_size(name: Any, width_px: int, draw_of: np.random.Generator) -> None:
    raw = Frame(noise((1920, 1080), draw_of), 77, 1)
    pair = FramePair(raw, raw.enhanced(noise((1920, 1080), draw_of), "live", {}))
    for verdict in (Verdict("live"), Verdict("stale", age_ms=900.0), Verdict("live", frozen=True, age_ms=5000.0)):
        made = ViewEncoder().encoded(View(name, width_px=width_px), pair, verdict, 50)
        at = made.num_bytes_enhanced
        assert made.size_px == (width_px, width_px * 9 // 16)
        modes = {"raw": ["raw"], "pair": ["enhanced", "raw"]}.get(name, ["enhanced"])
        for jpeg, mode in zip([made.jpeg[:at], made.jpeg[at:]] if at else [made.jpeg], modes, strict=True):
            image = decoded(jpeg)
            assert image.shape[1::-1] == made.size_px
            assert read(image) == Stripe(77, made.state, mode)  # type: ignore[arg-type]


def test_what_is_saved_has_none(monkeypatch: pytest.MonkeyPatch, draw_of: np.random.Generator) -> None:
    monkeypatch.setattr(state_strip, "draw", lambda *rest: pytest.fail("drawn into a snapshot"))
    raw = Frame(noise((1920, 1080), draw_of), 77, 1)
    pair = FramePair(raw, raw.enhanced(noise((1920, 1080), draw_of), "live", {}))
    for name in ("raw", "enhanced"):
        assert snapshot(View(name), pair, Verdict("live"), "ab" * 32, "")[0]  # type: ignore[arg-type]
