"""Files mode with an engine that inverts the picture: what is written, refused, skipped and reported."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import edge.batch_job
import edge.clip_writer
from edge.artifact import Artifact
from edge.avi import AviWriter
from edge.batch import BatchReport, enhance_files
from edge.engines.base import Enhanced
from edge.errors import EdgeError, InputOutputError
from edge.frame import Image
from edge.geometry import FRAME_SHAPE, fit_to_frame
from edge.marks import mode_of_file
from edge.sources.stills import read_picture

MODEL_SHA = "c0ffee" * 10 + "beef"
FPS = 24.0


class InvertingEngine:
    """Implements `edge.engines.base.Engine`: white minus the picture."""

    profile = "live"
    model_sha256 = MODEL_SHA
    device = "test"

    def __init__(self) -> None:
        self.num_calls = 0
        self.on_call: Callable[[int], None] = lambda num_calls: None

    def enhance(self, image: Image) -> Enhanced:
        assert image.shape == FRAME_SHAPE and image.dtype == np.uint8
        self.num_calls += 1
        self.on_call(self.num_calls)
        return Enhanced(255 - image, {"invert": float(self.num_calls)})

    def close(self) -> None: ...


class Bench:
    """An engine, a folder of originals and an output folder."""

    def __init__(self, folder: Path) -> None:
        self.engine = InvertingEngine()
        self.stop = threading.Event()
        self.originals = folder / "in"
        self.output = folder / "out"
        self.originals.mkdir()
        manifest = {"name": "student", "profile": "live", "version": "1.2", "sha256": MODEL_SHA}
        self.artifact = Artifact("live", folder, manifest, folder / "model.onnx", None)

    def run(self, *inputs: Path, force: bool = False, resume: bool = False) -> BatchReport:
        given = inputs or (self.originals,)
        options = {"force": force, "resume": resume}
        return enhance_files(given, self.output, self.engine, self.artifact, stop=self.stop, **options)

    def picture(self, name: str = "throat.png", *, level: int = 9, size: tuple[int, int] = (96, 54)) -> Path:
        """Grey with a bright column, which packs fast and shows a mirrored or stretched result."""
        path = self.originals / name
        image = np.full((size[1], size[0], 3), level, np.uint8)
        image[:, size[0] // 3] = (20, 120, 220)
        assert cv2.imwrite(str(path), image)
        return path

    def clip(self, name: str = "clip.avi", num_frames: int = 7) -> Path:
        """Frame `i` is grey at 20 + 10 i, so that order and number can be read back."""
        path = self.originals / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (96, 54))
        for index in range(num_frames):
            writer.write(np.full((54, 96, 3), 20 + 10 * index, np.uint8))
        writer.release()
        return path

    def written(self) -> list[str]:
        return sorted(path.name for path in self.output.iterdir()) if self.output.exists() else []

    def sidecar(self, name: str) -> dict:
        return json.loads((self.output / name).read_text())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def frames_of(path: Path) -> tuple[float, list[Image]]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return capture.get(cv2.CAP_PROP_FPS), frames


PAIR = ["throat_enhanced.png", "throat_enhanced.png.json", "throat_raw.png"]


def test_a_picture_gives_the_pair_and_a_sidecar(bench: Bench) -> None:
    path = bench.picture()
    original = path.read_bytes()
    report = bench.run(path)
    assert (report.exit_code, report.done) == (0, [path])
    assert bench.written() == PAIR
    raw, enhanced = (read_picture(bench.output / name) for name in ("throat_raw.png", "throat_enhanced.png"))
    np.testing.assert_array_equal(raw, fit_to_frame(read_picture(path)))
    np.testing.assert_array_equal(enhanced, 255 - raw)
    assert path.read_bytes() == original


def test_the_sidecar_of_a_picture_tells_the_truth(bench: Bench) -> None:
    path = bench.picture(size=(80, 60))
    bench.run(path)
    record = bench.sidecar("throat_enhanced.png.json")
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
        f"throat_{mode}.png": (mode, sha256(bench.output / f"throat_{mode}.png")) for mode in ("raw", "enhanced")
    }
    assert record["made_at"].endswith("+00:00")
    assert record["stage_ms"] == {"invert": 1.0}
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
    raw = read_picture(bench.output / "throat_raw.png")
    assert raw.shape == FRAME_SHAPE
    assert tuple(raw[540, 960]) == centre
    assert bench.sidecar("throat_enhanced.png.json")["fit"] == fit


def test_a_folder_of_odd_sizes_warns_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.png", "b.png", "c.png"):
        bench.picture(name, size=(80, 60))
    bench.run()
    assert [record.levelname for record in caplog.records if "cropped" in record.message] == ["WARNING"]


def test_a_clip_keeps_frames_order_and_rate(bench: Bench) -> None:
    path = bench.clip(num_frames=23)  # longer than what is decoded ahead and waits to be encoded
    report = bench.run(path)
    assert (report.exit_code, bench.engine.num_calls) == (0, 23)
    assert bench.written() == ["clip_enhanced.avi", "clip_enhanced.avi.json"]
    fps, frames = frames_of(bench.output / "clip_enhanced.avi")
    assert fps == FPS
    assert {frame.shape for frame in frames} == {FRAME_SHAPE}
    levels = [round(float(frame.mean())) for frame in frames]
    assert levels == pytest.approx([235 - 10 * index for index in range(23)], abs=2)
    record = bench.sidecar("clip_enhanced.avi.json")
    assert (record["clip"]["frames"], record["clip"]["fps"]) == (23, FPS)
    assert record["source"]["sha256"] == sha256(path)
    assert record["output"]["files"][0]["sha256"] == sha256(bench.output / "clip_enhanced.avi")
    assert record["stage_ms"] == {"invert": 12.0}  # the median of 1 to 23


@pytest.mark.parametrize("name", ["throat_enhanced.png", "throat_raw.png", "throat_enhanced.png.json"])
def test_nothing_is_overwritten_without_force(bench: Bench, name: str) -> None:
    path, other = bench.picture(), bench.picture("other.png")
    bench.output.mkdir()
    (bench.output / name).write_text("precious")
    report = bench.run(path, other)
    assert (report.exit_code, report.done) == (1, [other])
    (failure,) = report.failed
    assert failure.path == path
    assert name in str(failure.error) and "--force" in str(failure.error)
    assert (bench.output / name).read_text() == "precious"
    assert bench.engine.num_calls == 1
    assert bench.run(path, force=True).exit_code == 0
    assert mode_of_file(bench.output / "throat_enhanced.png") == "enhanced"


def test_force_never_replaces_an_input(bench: Bench) -> None:
    bench.output = bench.originals
    path, in_the_way = bench.picture("x.png"), bench.picture("x_raw.png", level=50)
    precious = in_the_way.read_bytes()
    report = bench.run(path, in_the_way, force=True)
    assert [failure.path for failure in report.failed] == [path]
    assert in_the_way.read_bytes() == precious


def test_a_run_into_the_folder_of_the_originals_does_not_eat_its_own_results(bench: Bench) -> None:
    bench.output = bench.originals
    bench.picture()
    bench.run()
    assert len(bench.run(resume=True).skipped) == 1
    assert bench.engine.num_calls == 1


def replace_model(bench: Bench) -> None:
    bench.engine.model_sha256 = "0" * 64


def replace_source(bench: Bench) -> None:
    bench.picture(level=50)


def cut_result(bench: Bench) -> None:
    path = bench.output / "throat_raw.png"
    path.write_bytes(path.read_bytes()[:-10])


def remove_sidecar(bench: Bench) -> None:
    (bench.output / "throat_enhanced.png.json").unlink()


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param(lambda bench: None, "skipped", id="unchanged"),
        pytest.param(replace_model, "failed", id="another model"),
        pytest.param(replace_source, "failed", id="another source"),
        pytest.param(cut_result, "failed", id="a result cut short"),
        pytest.param(remove_sidecar, "done", id="left unfinished"),
    ],
)
def test_resume(bench: Bench, change: Callable[[Bench], None], outcome: str) -> None:
    bench.picture()
    bench.run()
    change(bench)
    report = bench.run(resume=True)
    counts = {name: len(getattr(report, name)) for name in ("done", "skipped", "failed")}
    assert counts == {"done": 0, "skipped": 0, "failed": 0, outcome: 1}


def test_resume_with_force_does_again_only_what_is_not_complete(bench: Bench) -> None:
    bench.picture(), bench.picture("b.png")
    bench.run()
    replace_source(bench)
    report = bench.run(resume=True, force=True)
    assert [path.name for path in report.done + report.skipped] == ["throat.png", "b.png"]


def test_a_corrupt_file_is_reported_and_does_not_stop_the_rest(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench.picture("a.png"), bench.picture("c.png")
    (bench.originals / "b.png").write_bytes(b"\x89PNG no more")
    (bench.originals / "d.mp4").write_text("a text")
    report = bench.run()
    assert (report.exit_code, [path.name for path in report.done]) == (1, ["a.png", "c.png"])
    failed = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert [name for name in ("b.png", "d.mp4") if any(name in line for line in failed)] == ["b.png", "d.mp4"]
    assert caplog.records[-1].message == "2 enhanced, 2 failed"


def make(content: bytes | None) -> Callable[[Path], object]:
    return lambda path: path.mkdir() if content is None else path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "create"),
    [
        pytest.param("missing.png", lambda path: None, id="missing"),
        pytest.param("empty.png", make(b""), id="empty picture"),
        pytest.param("empty.mp4", make(b""), id="empty clip"),
        pytest.param("text.mp4", make(b"hello " * 100), id="text named mp4"),
        pytest.param("text.bin", make(b"hello " * 100), id="neither"),
        pytest.param("folder", make(None), id="folder without pictures"),
    ],
)
def test_a_lone_bad_input_raises_its_own_error(bench: Bench, name: str, create: Callable[[Path], object]) -> None:
    path = bench.originals / name
    create(path)
    with pytest.raises(InputOutputError, match=name) as caught:
        bench.run(path)
    assert caught.value.exit_code == 74
    assert "\n" not in str(caught.value)
    assert bench.written() == []


def test_an_enhanced_picture_is_not_enhanced_again(bench: Bench) -> None:
    bench.run(bench.picture())
    with pytest.raises(InputOutputError, match="enhanced already"):
        bench.run(bench.output / "throat_enhanced.png")


def test_a_failing_engine_fails_its_picture_alone(bench: Bench) -> None:
    def fail_first(num_calls: int) -> None:
        if num_calls == 1:
            raise RuntimeError("out of memory")

    bench.engine.on_call = fail_first
    first, second = bench.picture("a.png"), bench.picture("b.png")
    report = bench.run(first, second)
    assert (report.done, [failure.path for failure in report.failed]) == ([second], [first])
    assert isinstance(report.failed[0].error, EdgeError)


def test_a_stopped_clip_leaves_nothing(bench: Bench) -> None:
    picture, clip, last = bench.picture(), bench.clip(num_frames=20), bench.picture("z.png")
    parts: list[bool] = []

    def stop_in_the_clip(num_calls: int) -> None:
        if num_calls == 6:
            parts.append((bench.output / ".clip_enhanced.avi.part").exists())
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
    sync = edge.whole_files.os.fsync
    num_synced: list[int] = []

    def fill_up(descriptor: int) -> None:
        num_synced.append(descriptor)
        if len(num_synced) == 6:  # a.png takes four: three files and the folder; so b's raw is there, b's enhanced not
            full_disk()
        sync(descriptor)

    monkeypatch.setattr(edge.whole_files.os, "fsync", fill_up)
    with pytest.raises(InputOutputError, match=r"b_enhanced\.png.*No space left"):
        bench.run(first, second, third)
    assert bench.written() == ["a_enhanced.png", "a_enhanced.png.json", "a_raw.png"]
    assert bench.engine.num_calls == 2


@pytest.mark.parametrize("call", ["add", "finish"])
def test_a_full_disk_refuses_a_clip_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setattr(AviWriter, call, full_disk)
    with pytest.raises(InputOutputError, match=r"clip_enhanced\.avi.*No space left"):
        bench.run(bench.clip())
    assert bench.written() == []


def test_a_full_disk_at_the_sidecar_takes_the_clip_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.batch_job, "write_whole", full_disk)
    with pytest.raises(InputOutputError, match="No space left"):
        bench.run(bench.clip())
    assert bench.written() == []


def test_an_output_that_is_a_file_is_refused(bench: Bench) -> None:
    bench.output.write_text("")
    with pytest.raises(InputOutputError, match="out"):
        bench.run(bench.picture())
