"""The demo throat: the same pixels every time, fog that comes and goes, a clock like a camera's."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.pictures.colour import encode_srgb, linear_from_srgb
from edge.pictures.geometry import FRAME_SHAPE, shrink
from edge.pictures.image import Image
from edge.sources.demo import __main__ as command
from edge.sources.demo.motion import BREATH_S, pose_at, strip_affine
from edge.sources.demo.optics import DEFOCUS_PX, Fog, FogSheet, Noise, defocused
from edge.sources.demo.render import DemoRenderer
from edge.sources.demo.scene import paint
from edge.sources.demo.source import DemoSource

FPS = 30


@pytest.fixture(scope="module")
def renderer() -> DemoRenderer:
    return DemoRenderer(0)


@pytest.fixture(scope="module")
def fog(renderer: DemoRenderer) -> Fog:
    return Fog(0, renderer.truth(0))


def grey(image: Image) -> np.ndarray:
    return cv2.cvtColor(shrink(image), cv2.COLOR_RGB2GRAY).astype(np.float32)


def test_frame_is_what_a_source_gives(renderer: DemoRenderer) -> None:
    for image in (renderer.degraded(3), renderer.truth(3)):
        assert image.shape == FRAME_SHAPE and image.dtype == np.uint8 and image.flags.c_contiguous
        assert image.min() > 0 and image.max() < 255, "noise may not wrap around"


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


def test_transmission_stays_discernible(fog: Fog) -> None:
    thickest = min(float(fog.transmission(t / 5).min()) for t in range(300))
    assert 0.25 < thickest < 0.5


def test_fog_sheet_is_the_exact_law_in_linear_light(fog: Fog) -> None:
    transmission = np.full_like(fog.transmission(0), 0.5)
    ramp = np.repeat(np.arange(8, 248, dtype=np.uint8), 8)[None, :, None]
    strip = np.ascontiguousarray(np.broadcast_to(ramp, (40, 1920, 3)))
    before = strip.copy()
    FogSheet(fog, transmission).lay(strip, 520)
    row, columns = (520 + 20) // 32 + 1, np.arange(1920) // 32 + 1
    exact = encode_srgb(0.5 * linear_from_srgb(before[20]) + 0.5 * fog.veil[row, columns])
    assert np.abs(strip[20] - exact).max() < 6
    assert strip[20].min() > before[20].min() + 60, "fog lifts the shadows"


def test_clear_fog_changes_nothing(fog: Fog) -> None:
    strip = np.full((40, 1920, 3), 90, np.uint8)
    FogSheet(fog, np.ones_like(fog.transmission(0))).lay(strip, 0)
    assert (strip == 90).all()


@pytest.mark.parametrize("radius_px", DEFOCUS_PX[1:])
def test_defocus_is_a_disc_that_keeps_the_light(radius_px: float) -> None:
    canvas = np.full((64, 64, 4), 8, np.uint8)
    canvas[30:34, 30:34] = 247
    light = linear_from_srgb(defocused(canvas, radius_px)[..., 0])
    assert light.sum() == pytest.approx(linear_from_srgb(canvas[..., 0]).sum(), rel=0.12)
    lit = light[32] > 0.5 * light[32].max()
    assert lit.sum() == pytest.approx(2 * radius_px + 1, abs=3)


def test_noise_is_small_and_centred() -> None:
    strip = np.full((40, 1920, 3), 100, np.uint8)
    Noise(5, FRAME_SHAPE).add(strip, 0, (3, 300))
    assert abs(strip.mean() - 100) < 0.1 and 1.0 < strip.std() < 1.5


def test_strips_join_without_a_step() -> None:
    pose = pose_at(1.3, 2.0)
    for top in range(0, 1080 - 40, 40):
        end = strip_affine(pose, top, 40) @ np.array([700, 40, 1])
        start = strip_affine(pose, top + 40, 40) @ np.array([700, 0, 1])
        assert np.allclose(end, start, atol=0.02)


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
    reader.join(20)
    assert not reader.is_alive() and results == [None]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("pair", ["degraded_000007.png", "degraded_000012.png", "truth_000007.png", "truth_000012.png"]),
        ("truth", ["truth_000007.png", "truth_000012.png"]),
    ],
)
def test_command_writes_the_frames(kind: str, names: list[str], tmp_path: Path, renderer: DemoRenderer) -> None:
    arguments = ["--output", str(tmp_path / "new"), "--count", "2", "--start", "7", "--every", "5", "--kind", kind]
    assert command.main(arguments) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names
    written = cv2.cvtColor(cv2.imread(str(tmp_path / "new" / "truth_000012.png")), cv2.COLOR_BGR2RGB)
    assert np.array_equal(written, renderer.truth(12))


def test_command_overwrites_only_when_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "truth_000000.png"
    taken.write_bytes(b"mine")
    arguments = ["--output", str(tmp_path), "--kind", "truth"]
    assert command.main(arguments) == 2
    assert taken.read_bytes() == b"mine" and "--force" in capsys.readouterr().err
    assert command.main([*arguments, "--force"]) == 0
    assert cv2.imread(str(taken)).shape == FRAME_SHAPE


def test_variety_gives_another_throat_each_time(tmp_path: Path) -> None:
    assert command.main(["--output", str(tmp_path), "--count", "2", "--kind", "truth", "--variety"]) == 0
    first, second = (cv2.imread(str(tmp_path / f"truth_00000{i}.png")) for i in range(2))
    assert np.abs(grey(first) - grey(second)).mean() > 5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--count", "0"], 2), (["--every", "-1"], 2), (["--seed", "-3"], 2)],
    ids=["no frames", "backwards", "negative seed"],
)
def test_command_refuses_bad_numbers(arguments: list[str], code: int, tmp_path: Path) -> None:
    assert command.main(["--output", str(tmp_path), *arguments]) == code


def test_command_says_when_the_folder_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert command.main(["--output", str(tmp_path / "file")]) == 74
    assert str(tmp_path / "file") in capsys.readouterr().err
