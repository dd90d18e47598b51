"""`edge-enhance cameras`: what a machine's devices say, against a driver that speaks the kernel's layouts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.sources import cameras, v4l2
from tests.doubles.v4l2_driver import Driver, Drivers

HD, SMALL = (1920, 1080), (640, 480)
WEBCAM = Driver(
    "Throat Cam",
    modes={"YUYV": {SMALL: [(1, 30)], HD: [(1, 5)]}, "MJPG": {SMALL: [(1, 60)], HD: [(1, 60), (1, 30), (2, 15)]}},
)
METADATA = Driver("Throat Cam", caps=0x00800000)
SENSOR = Driver("vi-output, imx219 9-0010", "tegra-video", "platform:tegra-capture-vi:1", modes={"RG10": {HD: []}})


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A /dev with the given devices: name -> driver, None for a file that is no device."""

    def make(**devices: Driver | None) -> Path:
        for name in devices:
            (tmp_path / name).touch()
        drivers = Drivers({tmp_path / name: driver for name, driver in devices.items() if driver is not None})
        monkeypatch.setattr(cameras, "DEVICE_FOLDER", tmp_path)
        monkeypatch.setattr(cameras, "asked", lambda path: v4l2.asked(path, drivers))
        monkeypatch.setattr(cameras, "MONITOR", "no-such-program")
        return tmp_path

    return make


def test_each_camera_has_its_name_its_uri_and_its_modes(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    dev = machine(video0=WEBCAM, video1=METADATA, video10=SENSOR, video2=None)
    by_id = dev / "v4l" / "by-id"
    by_id.mkdir(parents=True)
    (by_id / "usb-Throat_Cam-video-index0").symlink_to("../../video0")
    assert main(["cameras"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{dev}/video0  Throat Cam (uvcvideo, usb-0000:00:14.0-2)",
        f"    camera:{by_id}/usb-Throat_Cam-video-index0?format=MJPG&fps=30",
        "    YUYV 640x480 at 30 /s",
        "    YUYV 1920x1080 at 5 /s",
        "    MJPG 640x480 at 60 /s",
        "    MJPG 1920x1080 at 60, 30, 7.5 /s",
        f"{dev}/video2  cannot be asked: Inappropriate ioctl for device",
        f"{dev}/video10  vi-output, imx219 9-0010 (tegra-video, platform:tegra-capture-vi:1)",
        "    csi:0?fps=30",
        "    RG10 1920x1080 at an unknown rate",
    ]


@pytest.mark.parametrize(
    ("driver", "query"),
    [
        pytest.param(WEBCAM, "format=MJPG&fps=30", id="MJPG before YUYV"),
        pytest.param(Driver("", modes={"YUYV": {SMALL: [(1, 30)], HD: [(1, 5)]}}), "format=YUYV&fps=5", id="its only"),
        pytest.param(
            Driver("", modes={"MJPG": {SMALL: [(1, 30)]}, "YUYV": {HD: [(1, 60)]}}),
            "format=YUYV&fps=60",
            id="size first",
        ),
        pytest.param(Driver("", modes={"MJPG": {(4096, 2160): []}}, stepwise=True), "format=MJPG&fps=30", id="range"),
    ],
)
def test_the_uri_asks_for_the_mode_that_suits_best(machine: Any, driver: Driver, query: str) -> None:
    dev = machine(video0=driver)
    assert [*cameras.v4l2_lines()][1] == f"    camera:{dev}/video0?{query}"


def test_a_machine_without_a_camera_says_so(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine()
    assert main(["cameras"]) == 69
    assert capsys.readouterr().err.startswith("edge-enhance cameras: no camera is present (no /dev/video*); plug")


def test_what_may_not_be_opened_says_what_to_do(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(video0=WEBCAM)

    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cameras, "asked", refused)
    assert "group video" in next(cameras.v4l2_lines())


MONITORED = """#!/bin/sh
cat <<'END'
Probing devices...


Device found:

\tname  : Throat Cam
\tclass : Video/Source
\tgst-launch-1.0 v4l2src ! ...

Device found:

\tname  : /base/soc/i2c0mux/i2c@1/imx219@10
\tclass : Video/Source
\tgst-launch-1.0 libcamerasrc camera-name="imx219" ! ...
END
"""


def test_what_only_gstreamer_knows_is_listed(machine: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine()
    program = tmp_path / "gst-device-monitor-1.0"
    program.write_text(MONITORED)
    program.chmod(0o755)
    monkeypatch.setattr(cameras, "MONITOR", str(program))
    assert [*cameras.gstreamer_lines()] == [
        '/base/soc/i2c0mux/i2c@1/imx219@10  (GStreamer: libcamerasrc camera-name="imx219")',
        '    gst:libcamerasrc camera-name="imx219"',
    ]


C_PROGRAM = """#include <linux/videodev2.h>
#include <stddef.h>
#include <stdio.h>
int main(void) {
  printf("%lu %lu %lu %lu\\n", (unsigned long)VIDIOC_QUERYCAP, (unsigned long)VIDIOC_ENUM_FMT,
         (unsigned long)VIDIOC_ENUM_FRAMESIZES, (unsigned long)VIDIOC_ENUM_FRAMEINTERVALS);
  printf("%zu %zu %zu %zu\\n", offsetof(struct v4l2_capability, device_caps),
         offsetof(struct v4l2_fmtdesc, pixelformat), offsetof(struct v4l2_frmsizeenum, discrete.width),
         offsetof(struct v4l2_frmivalenum, discrete.numerator));
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler (apt-get install gcc libc6-dev)")
def test_requests_and_layouts_are_the_kernels(tmp_path: Path) -> None:
    (tmp_path / "numbers.c").write_text(C_PROGRAM)
    subprocess.run(["gcc", "numbers.c", "-o", "numbers"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "numbers"], capture_output=True, text=True, check=True)
    requests, offsets = (tuple(map(int, line.split())) for line in done.stdout.splitlines())
    assert requests == (
        v4l2.QUERY_CAPABILITY, v4l2.ENUM_FORMAT, v4l2.ENUM_FRAME_SIZES, v4l2.ENUM_FRAME_INTERVALS,
    )  # fmt: skip
    assert offsets == (88, 44, 12, 20), "where `v4l2.asked` reads them"


def test_no_device_stays_open(machine: Any) -> None:
    machine(video0=WEBCAM, video1=METADATA, video2=None)
    before = len([*Path("/proc/self/fd").iterdir()])
    assert [*cameras.v4l2_lines()]
    assert len([*Path("/proc/self/fd").iterdir()]) == before
