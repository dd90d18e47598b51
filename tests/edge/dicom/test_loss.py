"""Whether a picture was ever compressed with loss: told as far as its record knows it, and no further."""

from __future__ import annotations

from typing import Any

import pytest

from edge.dicom.loss import Loss, loss_of_still

JPEG, H264 = "ISO_10918_1", "ISO_14496_10"


@pytest.mark.parametrize(
    ("uri", "granted", "expected"),
    [
        ("camera:/dev/video0", "1920x1080 MJPG at 30 fps", Loss("01", JPEG)),
        ("camera:/dev/video0", "1920x1080 YUYV at 10 fps", Loss("00")),
        ("camera:/dev/video0", "1920x1080 XXXX at 10 fps", Loss("")),
        ("camera:/dev/video0", "", Loss("")),
        ("http://camera/video", "MJPEG over HTTP", Loss("01", JPEG)),
        ("rtsp://camera/1", "H.264 over RTSP (TCP)", Loss("01", H264)),
        ("rtsp://camera/1", "", Loss("01")),
        ("csi:0", "1920x1080 NV12 at 30 fps", Loss("00")),
        ("gst:v4l2src ! jpegdec", "1920x1080 NV12 at 30 fps", Loss("")),
        ("demo:", "", Loss("00")),
        ("/old/clips/a.mp4", "", Loss("")),
    ],
)
def test_of_a_live_picture(uri: str, granted: str, expected: Loss) -> None:
    assert loss_of_still({"source": {"uri": uri, "granted": granted}}) == expected


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ({"format": "JPEG"}, Loss("01", JPEG, 62.208)),
        ({"format": "HEIC"}, Loss("01", "ISO_23008_2", 62.208)),
        ({"format": "HEIC", "pages": 4}, Loss("01", "ISO_23008_2")),
        ({"format": "PNG"}, Loss("")),
        ({"format": "WebP"}, Loss("")),
        (None, Loss("")),
    ],
)
def test_of_a_file(picture: dict[str, Any] | None, expected: Loss) -> None:
    source = {"path": "/a", "sha256": "", "bytes": 100_000, "width_px": 1920, "height_px": 1080}
    assert loss_of_still({"source": source, "picture": picture}) == expected
