"""The pictures of the page are bounded in size and show what their names say."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.docs.blocks import PAGES
from tests.docs.screenshots import CHROMIUM, HEIGHT_PX, MOST_BYTES, VIEWS, WIDTH_PX, small, take_all
from tests.paths import REPOSITORY

NAMES = {*(f"{name}.jpg" for name in VIEWS), "login.jpg"}


def png(width_px: int, height_px: int) -> bytes:
    """Noise: the hardest to make small."""
    pixels = np.random.default_rng(1).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.slow
def test_a_picture_is_made_small_or_refused():
    assert 50_000 < len(small(png(400, 300))) <= MOST_BYTES
    with pytest.raises(ValueError, match="larger than 100000 bytes"):
        small(png(2000, 1500))


def test_those_of_the_pages_are_there_and_shown():
    shown = {name for page in PAGES for name in re.findall(r"images/([\w-]+\.jpg)", page.read_text(encoding="utf-8"))}
    assert shown >= NAMES
    for name in NAMES:
        path = REPOSITORY / "docs" / "images" / name
        assert path.stat().st_size <= MOST_BYTES
        with Image.open(path) as picture:
            assert picture.size == (WIDTH_PX, HEIGHT_PX)


@pytest.mark.slow
@pytest.mark.alone
def test_chromium_takes_them_from_a_unit_that_is_live(tmp_path):
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    taken = take_all(tmp_path)
    assert {path.name for path in taken} == NAMES
    pixels = {path.stem: np.asarray(Image.open(path).convert("L"), float) for path in taken}
    side = pixels["view-side-by-side"][: HEIGHT_PX // 4]
    assert side.mean() < 40, "two pictures of half the width leave the window's top dark"
    assert pixels["view-enhanced"][: HEIGHT_PX // 4].mean() > 60
