"""What files mode makes of one picture or clip. The engine inverts the picture."""

from __future__ import annotations

import errno
import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import edge.basics.whole_files
import edge.batch.kinds.picture
from edge.basics.errors import EdgeError, EngineFailed, InputOutputError
from edge.batch.manifest import MANIFEST, entries_of
from edge.batch.output import SCRATCH
from edge.clips.encode import ClipEncoder
from edge.engines.engine import Enhanced
from edge.pictures.files import read_picture
from edge.pictures.geometry import FRAME_SHAPE, fit_to_frame
from edge.pictures.image import Image
from edge.pictures.marks import png_bytes

if TYPE_CHECKING:
    from tests.doubles.files_bench import Bench


MODEL_SHA, FPS = "c0ffee" * 10 + "beef", 24.0  # those of the bench
PAIR = ["throat-enhanced.png", "throat-enhanced.png.json", "throat-raw.png"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def frames_of(path: Path) -> tuple[float, list[Image]]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return capture.get(cv2.CAP_PROP_FPS), frames


def test_a_picture_gives_the_pair_and_a_sidecar(bench: Bench) -> None:
    path = bench.picture()
    original = path.read_bytes()
    report = bench.run(path)
    assert (report.exit_code, report.done) == (0, [path])
    assert bench.written() == PAIR
    raw, enhanced = (read_picture(bench.output / name) for name in ("throat-raw.png", "throat-enhanced.png"))
    np.testing.assert_array_equal(raw, fit_to_frame(read_picture(path)))
    np.testing.assert_array_equal(enhanced, 255 - raw)
    assert path.read_bytes() == original


def test_the_sidecar_of_a_picture_tells_the_truth(bench: Bench) -> None:
    path = bench.picture(size=(80, 60))
    bench.run(path)
    record = bench.sidecar("throat-enhanced.png.json")
    assert record["model"] == {
        "name": "student", "profile": "live", "version": "1.2", "sha256": MODEL_SHA, "device": "test",
    }  # fmt: skip
    assert record["source"] == {
        "path": str(path), "sha256": sha256(path), "bytes": path.stat().st_size, "width_px": 80, "height_px": 60,
    }  # fmt: skip
    assert (record["mode"], record["fit"]) == ("enhanced", "cropped to 16:9 and resized")
    assert (record["output"]["width_px"], record["output"]["height_px"]) == (1920, 1080)
    files = {file["name"]: (file["mode"], file["sha256"]) for file in record["output"]["files"]}
    assert files == {
        f"throat-{mode}.png": (mode, sha256(bench.output / f"throat-{mode}.png")) for mode in ("raw", "enhanced")
    }
    assert not {"made_at", "stage_ms"} & set(record), "the same picture gives the same bytes"
    assert "clip" not in record


def of_colour(shape: tuple[int, int, int]) -> np.ndarray:
    """As OpenCV stores it: blue 30, green 60, red 90."""
    return np.full(shape, (30, 60, 90), np.uint8)


@pytest.mark.parametrize(
    ("stored", "fit", "centre"),
    [
        pytest.param(of_colour((60, 80, 3)), "cropped to 16:9 and resized", (90, 60, 30), id="4:3"),
        pytest.param(np.full((54, 96), 200 * 257, np.uint16), "resized", (200, 200, 200), id="16-bit grey"),
        pytest.param(np.full((54, 96), 77, np.uint8), "resized", (77, 77, 77), id="grey"),
        pytest.param(np.full((54, 96, 4), (10, 20, 30, 255), np.uint8), "resized", (30, 20, 10), id="alpha"),
        pytest.param(of_colour((1, 1, 3)), "cropped to 16:9 and resized", (90, 60, 30), id="1x1"),
        pytest.param(of_colour(FRAME_SHAPE), "as is", (90, 60, 30), id="camera's own"),
    ],
)  # fmt: skip
def test_every_kind_of_picture_is_handled(bench: Bench, stored: np.ndarray, fit: str, centre: tuple) -> None:
    path = bench.originals / "throat.png"
    assert cv2.imwrite(str(path), stored)
    assert bench.run(path).exit_code == 0
    raw = read_picture(bench.output / "throat-raw.png")
    assert raw.shape == FRAME_SHAPE
    assert tuple(raw[540, 960]) == centre
    assert bench.sidecar("throat-enhanced.png.json")["fit"] == fit


def test_a_folder_of_odd_sizes_warns_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.png", "b.png", "c.png"):
        bench.picture(name, size=(80, 60))
    bench.run()
    assert [record.levelname for record in caplog.records if "cropped" in record.message] == ["WARNING"]


def test_a_clip_keeps_frames_order_and_rate(bench: Bench) -> None:
    path = bench.clip(num_frames=23)  # longer than what is decoded ahead and waits to be encoded
    report = bench.run(path)
    assert (report.exit_code, bench.engine.num_calls) == (0, 23)
    assert bench.written() == ["clip-enhanced.mp4", "clip-enhanced.mp4.json"]
    fps, frames = frames_of(bench.output / "clip-enhanced.mp4")
    assert fps == FPS
    assert {frame.shape for frame in frames} == {FRAME_SHAPE}
    levels = [round(float(frame.mean())) for frame in frames]
    assert levels == pytest.approx([235 - 10 * index for index in range(23)], abs=2)
    record = bench.sidecar("clip-enhanced.mp4.json")
    assert (record["clip"]["frames"], record["clip"]["fps"]) == (23, FPS)
    assert record["source"]["sha256"] == sha256(path)
    assert record["output"]["files"][0]["sha256"] == sha256(bench.output / "clip-enhanced.mp4")


def test_a_failing_engine_fails_its_picture_alone(bench: Bench) -> None:
    def fail_first(num_calls: int) -> None:
        if num_calls == 1:
            raise RuntimeError("out of memory")

    bench.engine.on_call = fail_first
    first, second = bench.picture("a.png"), bench.picture("b.png")
    report = bench.run(first, second)
    assert (report.done, [failure.path for failure in report.failed]) == ([second], [first])
    assert isinstance(report.failed[0].error, EdgeError)


def test_each_result_names_the_devices_that_made_it(bench: Bench) -> None:
    """The third of all frames is the first that another device makes, as when a GPU is lost."""

    def lose_the_gpu(num_calls: int) -> None:
        bench.engine.device = "gpu" if num_calls < 3 else "cpu"

    bench.engine.on_call = lose_the_gpu
    first, clip, last = bench.picture("a.png"), bench.clip(num_frames=4), bench.picture("z.png")
    bench.run(first, clip, last)
    names = ("a-enhanced.png.json", "clip-enhanced.mp4.json", "z-enhanced.png.json")
    assert [bench.sidecar(name)["model"]["device"] for name in names] == ["gpu", "gpu, then cpu", "cpu"]


def test_a_failing_engine_is_told_with_the_picture(bench: Bench) -> None:
    def fail(num_calls: int) -> None:
        raise EngineFailed("black")

    bench.engine.on_call = fail
    path = bench.picture()
    with pytest.raises(EdgeError, match=f"^{path}: the engine failed: black$"):
        bench.run(path)


def test_a_stopped_clip_leaves_nothing(bench: Bench) -> None:
    picture, clip, last = bench.picture(), bench.clip(num_frames=20), bench.picture("z.png")
    parts: list[bool] = []

    def stop_in_the_clip(num_calls: int) -> None:
        if num_calls == 6:
            parts.append((bench.output / SCRATCH / ".clip-enhanced.mp4.edge.part").exists())
            bench.stop.set()

    bench.engine.on_call = stop_in_the_clip
    report = bench.run(picture, clip, last)
    assert parts == [True]
    assert bench.written() == PAIR
    assert (report.exit_code, report.done, report.not_done) == (1, [picture], [clip, last])
    assert bench.engine.num_calls < 10


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_refuses_a_picture_whole_and_ends_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = bench.picture("a.png"), bench.picture("b.png"), bench.picture("c.png")
    sync = edge.basics.whole_files.os.fsync
    is_full = threading.Event()

    def fill_up(descriptor: int) -> None:
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if ".b-enhanced.png" in name:  # its raw file is there, under its temporary name
            is_full.set()
        if is_full.is_set() and "/.a-" not in name:
            full_disk()
        sync(descriptor)

    monkeypatch.setattr(edge.basics.whole_files.os, "fsync", fill_up)
    with pytest.raises(InputOutputError, match=r"b-enhanced\.png.*No space left"):
        bench.run(first, second, third)
    assert bench.written() == ["a-enhanced.png", "a-enhanced.png.json", "a-raw.png"]
    assert [entry["source"]["path"] for entry in entries_of(bench.output / MANIFEST)] == [str(first)]


@pytest.mark.parametrize("call", ["add", "finish"])
def test_a_full_disk_refuses_a_clip_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setattr(ClipEncoder, call, full_disk)
    with pytest.raises(InputOutputError, match=r"clip-enhanced\.mp4.*No space left"):
        bench.run(bench.clip())
    assert bench.written() == []


def test_a_full_disk_at_the_sidecar_takes_the_clip_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = edge.basics.whole_files.os.fsync

    def fill_up(descriptor: int) -> None:
        if ".clip-enhanced.mp4.json" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            full_disk()
        sync(descriptor)

    monkeypatch.setattr(edge.basics.whole_files.os, "fsync", fill_up)
    with pytest.raises(InputOutputError, match="No space left"):
        bench.run(bench.clip())
    assert bench.written() == []


@pytest.mark.parametrize(("level", "what"), [(0, "black"), (90, "one colour")])
def test_a_flat_answer_to_a_picture_that_is_none_is_no_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, level: int, what: str
) -> None:
    answer = Enhanced(np.full(FRAME_SHAPE, level, np.uint8), {})
    monkeypatch.setattr(bench.engine, "enhance", lambda image: answer)
    flat = bench.picture("flat.png", column=False)
    report = bench.run(bench.picture(), flat, bench.clip())  # the clip's frames are flat too
    assert [failure.path.name for failure in report.failed] == ["throat.png"]
    assert f"the engine's answer is {what}" in str(report.failed[0].error)


def test_what_was_encoded_is_looked_through_before_it_counts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(image: Image, text: str) -> bytes:
        content = bytearray(png_bytes(image, text))
        content[len(content) // 2] ^= 1
        return bytes(content)

    monkeypatch.setattr(edge.batch.kinds.picture, "png_bytes", damaged)
    with pytest.raises(EdgeError, match=r"not encoded whole: damaged"):
        bench.run(bench.picture())
    assert bench.written() == []
