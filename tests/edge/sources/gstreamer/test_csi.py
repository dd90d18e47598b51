"""What a CSI sensor is asked for; the texts are those of NVIDIA's guide to accelerated GStreamer."""

import pytest

from edge.sources.gstreamer.csi import csi_from_uri, pipeline_of
from edge.sources.gstreamer.open import name_of


@pytest.mark.parametrize(
    ("rest", "pipeline"),
    [
        (
            "0",
            "nvarguscamerasrc sensor-id=0 ! video/x-raw(memory:NVMM),format=NV12,width=1920,height=1080,"
            "framerate=30/1 ! nvvidconv ! video/x-raw,format=RGBA",
        ),
        (
            "1?fps=59.94&width=1280&height=720&mode=4&exposure=100-16000&gain=1-8&flip=2",
            'nvarguscamerasrc sensor-id=1 sensor-mode=4 exposuretimerange="100000 16000000" gainrange="1 8" ! '
            "video/x-raw(memory:NVMM),format=NV12,width=1280,height=720,framerate=2997/50 ! nvvidconv flip-method=2 ! "
            "video/x-raw,format=RGBA",
        ),
        (
            "0?exposure=8000&gain=2.5",
            'nvarguscamerasrc sensor-id=0 exposuretimerange="8000000 8000000" gainrange="2.5 2.5" ! '
            "video/x-raw(memory:NVMM),format=NV12,width=1920,height=1080,framerate=30/1 ! nvvidconv ! "
            "video/x-raw,format=RGBA",
        ),
    ],
    ids=["plain", "everything", "fixed"],
)
def test_a_sensor_becomes_a_pipeline(rest, pipeline):
    assert pipeline_of(csi_from_uri(f"csi:{rest}", rest)) == pipeline


@pytest.mark.parametrize(
    ("pipeline", "name"),
    [("v4l2src device=/dev/video0 ! x", "gst:v4l2src"), (" rtsp://d:p@h/a ! x", "gst:rtsp"), ("( a )", "gst:pipeline")],
)
def test_messages_name_a_pipeline_by_its_first_word(pipeline, name):
    assert name_of(pipeline) == name
