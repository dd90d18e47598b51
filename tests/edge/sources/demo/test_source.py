"""The demo throat: the same pixels every time, fog that comes and goes, a clock like a camera's."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from edge.pictures.geometry import FRAME_SHAPE, shrink
from edge.pictures.image import Image
from edge.sources.demo.motion import BREATH_S
from edge.sources.demo.render import DemoRenderer
from edge.sources.demo.scene import paint
from edge.sources.demo.source import DemoSource
from tests.doubles.waiting import GUARD_S

FPS = 30


def grey(image: Image) -> np.ndarray:
    return cv2.cvtColor(shrink(image), cv2.COLOR_RGB2GRAY).astype(np.float32)


def test_frame_is_what_a_source_gives(renderer: DemoRenderer) -> None:
    for image in (renderer.degraded(3), renderer.truth(3)):
        assert image.shape == FRAME_SHAPE and image.dtype == np.uint8 and image.flags.c_contiguous
        assert image.min() > 0 and image.max() < 255, "noise may not wrap around"


@pytest.mark.slow
def test_same_index_gives_same_pixels_in_any_order(renderer: DemoRenderer) -> None:
    moments = (40, 215, 0)  # in fog, out of focus, the first
    first = [(renderer.degraded(i), renderer.truth(i)) for i in moments]
    paint.cache_clear()
    other = DemoRenderer(0)
    for index, (degraded, truth) in reversed(list(zip(moments, first, strict=True))):
        assert np.array_equal(other.truth(index), truth)
        assert np.array_equal(other.degraded(index), degraded)


def test_frames_differ_over_time_and_between_seeds(renderer: DemoRenderer) -> None:
    here = grey(renderer.truth(0))
    assert np.abs(here - grey(renderer.truth(20))).mean() > 1
    assert np.abs(here - grey(DemoRenderer(1).truth(0))).mean() > 5


def test_degraded_shows_the_moment_of_its_truth(renderer: DemoRenderer) -> None:
    for index in (40, 55):
        shift, _ = cv2.phaseCorrelate(grey(renderer.truth(index)), grey(renderer.degraded(index)))
        assert np.hypot(*shift) < 0.25
    moved, _ = cv2.phaseCorrelate(grey(renderer.truth(0)), grey(renderer.degraded(55)))
    assert np.hypot(*moved) > 0.25, "the check sees that another moment is another place"


def test_fog_comes_with_the_breath_and_clears(renderer: DemoRenderer) -> None:
    period = round(BREATH_S * FPS)
    contrast = [
        grey(renderer.degraded(i)).std() / grey(renderer.truth(i)).std() for i in range(2 * period, 3 * period, 12)
    ]
    assert min(contrast) < 0.72, "hazy after the exhalation"
    assert max(contrast) > 0.95, "nearly clear before the next"


def test_clock_skips_what_a_late_reader_missed() -> None:
    source = DemoSource("demo:", fps=50)
    first = source.read()
    threading.Event().wait(0.3)
    second = source.read()
    third = source.read()
    assert first is not None and second is not None and third is not None
    assert second.seq > first.seq + 5
    assert third.seq > second.seq and third.t_capture_ns > second.t_capture_ns
    assert third.mode == "raw"
    source.close()


def test_it_keeps_its_clock_where_its_reader_sets_the_pace() -> None:
    source = DemoSource("demo:", fps=50, paced=False, timed=True)
    assert not source.paced
    first = source.read()
    threading.Event().wait(0.3)
    second = source.read()
    assert first is not None and second is not None and second.seq > first.seq + 5
    source.close()


def test_free_pace_gives_every_frame(renderer: DemoRenderer) -> None:
    source = DemoSource("demo:?pace=free", paced=False)
    frames = [source.read() for _ in range(3)]
    assert [frame.seq for frame in frames if frame] == [0, 1, 2]
    assert frames[2] is not None and np.array_equal(frames[2].image, renderer.degraded(2))
    source.close()
    assert source.read() is None


def test_clean_gives_the_truth(renderer: DemoRenderer) -> None:
    source = DemoSource("demo:?clean=1", paced=False, clean=True)
    frame = source.read()
    assert frame is not None and np.array_equal(frame.image, renderer.truth(0))
    both = source.render(40)
    assert np.array_equal(both.truth, renderer.truth(40)) and np.array_equal(both.degraded, renderer.degraded(40))


def test_close_ends_a_waiting_read() -> None:
    source = DemoSource("demo:", fps=0.01)
    source.read()
    results: list[object] = []
    reader = threading.Thread(target=lambda: results.append(source.read()), daemon=True)
    reader.start()
    source.close()
    source.close()
    reader.join(GUARD_S)
    assert not reader.is_alive() and results == [None]
