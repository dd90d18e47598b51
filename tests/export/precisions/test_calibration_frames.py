"""Whence int8 may take its ranges beside a unit's own session."""

import itertools

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError, UsageError
from edge.pictures.geometry import FRAME_SHAPE
from export.precisions.calibration_frames import MAX_FRAMES, calibration_frames


@pytest.fixture
def pictures(tmp_path):
    """64 different pictures in two subfolders."""
    for number in range(64):
        path = tmp_path / "P" / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((54, 96, 3), 3 * number, np.uint8))
    return tmp_path / "P"


def clip(path, num):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (96, 54))
    for number in range(num):
        picture = np.zeros((54, 96, 3), np.uint8)
        picture[:, number % 96] = 255
        picture[number % 54] = 128
        writer.write(picture)
    writer.release()
    return path


def test_a_folder_with_subfolders(pictures):
    frames = calibration_frames(str(pictures))
    assert len(frames) == 64 == frames.about["frames"] and frames.about["kind"] == "pictures"
    assert next(iter(frames)).shape == FRAME_SHAPE


@pytest.mark.slow
def test_the_demo(monkeypatch):
    frames = calibration_frames("demo:?seed=3")
    first, second = itertools.islice(frames, 2)
    assert first.shape == FRAME_SHAPE and (first != second).any()
    assert frames.about == {"kind": "demo throat, synthetic", "source": "demo:?seed=3", "frames": len(frames)}


@pytest.mark.slow
def test_a_clip_gives_frames_from_its_whole_length(tmp_path):
    frames = calibration_frames(str(clip(tmp_path / "a.avi", 2 * MAX_FRAMES)))
    assert len(frames) == MAX_FRAMES == sum(1 for _ in frames)
    assert frames.about["kind"] == "clip"


def few_pictures(folder, pictures):
    (pictures / "0" / "0.png").unlink()
    return str(pictures)


def twice_the_same(folder, pictures):
    (pictures / "0" / "0.png").write_bytes((pictures / "1" / "1.png").read_bytes())
    return str(pictures)


@pytest.mark.parametrize(
    ("named", "error", "message"),
    [
        pytest.param(few_pictures, InputOutputError, "63 different pictures, expected at least 64", id="few"),
        pytest.param(twice_the_same, InputOutputError, "63 different pictures", id="the same"),
        pytest.param(
            lambda folder, _: str(folder / "x"), InputOutputError, "a folder of pictures, a clip, or demo:", id="none"
        ),
        pytest.param(lambda *_: "demo:?unit=A-1&target=flat", UsageError, "shows a chart", id="chart"),
        pytest.param(lambda *_: "demo:?sede=3", UsageError, "sede", id="option"),
        pytest.param(
            lambda folder, _: str(clip(folder / "b.avi", 9)), InputOutputError, "9 different frames", id="short"
        ),
    ],
)
def test_what_cannot_serve_is_one_line(tmp_path, pictures, named, error, message):
    with pytest.raises(error, match=message):
        calibration_frames(named(tmp_path, pictures))
