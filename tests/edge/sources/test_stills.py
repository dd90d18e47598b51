"""Pictures as a source: held for a second in turn, once through, and what a damaged one does to the others."""

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.frames.stages import about
from edge.sources.stills import StillSource
from tests.doubles.picture_files import tiff

RED, GREEN = (255, 0, 0), (0, 255, 0)


def flat(path, colour, shape=(36, 64)):
    assert cv2.imwrite(str(path), np.full((*shape, 3), colour[::-1], np.uint8))
    return path


def source_of(paths, *, live, loop, fps=2.0):
    return StillSource("folder", paths, fps=fps, live=live, paced=False, loop=loop)


def read_colours(source, number):
    frames = [source.read() for _ in range(number)]
    return [None if frame is None else tuple(int(value) for value in frame.image[0, 0]) for frame in frames]


def test_live_holds_each_picture_for_a_second_and_loops(tmp_path):
    paths = [
        flat(tmp_path / "1.png", RED),
        flat(tmp_path / "2.png", GREEN),
    ]
    source = source_of(paths, live=True, loop=True)
    assert read_colours(source, 6) == [RED, RED, GREEN, GREEN, RED, RED]
    frame = source.read()
    assert frame.seq == 6
    assert frame.image.shape == (1080, 1920, 3)


def test_once_through_gives_each_picture_once(tmp_path):
    paths = [
        flat(tmp_path / "1.png", RED),
        flat(tmp_path / "2.png", GREEN),
    ]
    assert read_colours(source_of(paths, live=False, loop=False), 4) == [RED, GREEN, None, None]


def damaged(path):
    path.write_bytes(b"\x89PNG damaged")
    return path


def test_live_leaves_a_damaged_picture_out_with_one_warning(tmp_path, caplog):
    paths = [
        flat(tmp_path / "1.png", RED, (1080, 1920)),
        damaged(tmp_path / "2.png"),
        flat(tmp_path / "3.png", GREEN, (1080, 1920)),
    ]
    source = source_of(paths, live=True, loop=True, fps=1.0)
    assert read_colours(source, 5) == [RED, GREEN, RED, GREEN, RED]
    assert [record.getMessage().count("2.png") for record in caplog.records] == [1]


def test_live_with_damaged_pictures_alone_is_refused_at_once(tmp_path):
    with pytest.raises(InputOutputError, match="damaged"):
        source_of([damaged(tmp_path / "1.png"), damaged(tmp_path / "2.png")], live=True, loop=True)


def test_once_through_raises_for_a_damaged_picture_and_goes_on(tmp_path):
    paths = [damaged(tmp_path / "1.png"), flat(tmp_path / "2.png", GREEN)]
    source = source_of(paths, live=False, loop=False)
    with pytest.raises(InputOutputError, match=r"1\.png"):
        source.read()
    assert read_colours(source, 2) == [GREEN, None]


@pytest.mark.parametrize("paced", [True, False])
def test_close_ends_the_source(tmp_path, paced):
    paths = [flat(tmp_path / "1.png", RED)]
    source = StillSource("1.png", paths, fps=0.01, live=True, paced=paced, loop=True)
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None


def test_every_page_of_a_file_is_shown_and_a_damaged_one_left_out(tmp_path, caplog):
    noise = np.random.default_rng(0).integers(0, 256, (54, 96, 3), np.uint8)
    pages = [np.full((54, 96, 3), level, np.uint8) for level in (10, 20)]
    content = bytearray(tiff([pages[0], noise, pages[1]], deflate=True))
    content[content.index(b"\x78\x9c", len(content) - 16_000) + 3000] ^= 0xFF
    (tmp_path / "series.tif").write_bytes(content)
    source = StillSource("series", [tmp_path / "series.tif"], fps=1.0, live=True, paced=False, loop=True)
    assert [int(source.read().image[0, 0, 0]) for _ in range(4)] == [10, 20, 10, 20]
    assert "series.tif: page 2 of 3: damaged TIFF" in caplog.text


@pytest.mark.parametrize(("fit", "edge"), [("crop", RED), ("pad", (0, 0, 0))])
def test_a_picture_that_is_not_16_9_is_fitted_as_wished_and_told(tmp_path, fit, edge):
    path = flat(tmp_path / "square.png", RED, (64, 64))
    source = StillSource("square.png", [path], fps=2.0, live=True, paced=False, loop=True, fit=fit)
    image = source.read().image
    assert (tuple(image[540, 0]), tuple(image[540, 960])) == (edge, RED)
    told = about(source)["picture"]
    assert (told["width_px"], told["height_px"], told["fit"]) == (64, 64, fit)
    assert "44% of" in told["told"]
