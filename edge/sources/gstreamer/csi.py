"""A CSI sensor of a Jetson, as a pipeline: its image processor's pictures, made RGBA by the converter beside it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from edge.basics.errors import UsageError
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.sources.uri_options import UriOptions

MAX_SENSOR = 15
_NS_PER_US = 1000


@dataclass(frozen=True, slots=True)
class CsiWish:
    """What a sensor is asked for.

    Attributes:
        mode: of the sensor's own list; None leaves the choice to the driver.
        exposure_us: shortest and longest exposure that its automatic may choose, in microseconds; None for any.
        gain: lowest and highest gain of the sensor, as a factor; None for any.
        flip: `flip-method` of nvvidconv: 0 none, 1 a quarter turn to the left, 2 half a turn, 3 to the right, 4
            left and right exchanged, 6 above and below exchanged.
    """

    sensor: int
    width_px: int
    height_px: int
    fps: float
    mode: int | None = None
    exposure_us: tuple[float, float] | None = None
    gain: tuple[float, float] | None = None
    flip: int = 0


def csi_from_uri(uri: str, rest: str) -> CsiWish:
    """Read `0?fps=30&width=1920&height=1080&mode=2&exposure=100-16000&gain=1-8&flip=2`.

    Raises:
        UsageError: it names no sensor, or an option is unknown or out of range.
    """
    number, _, query = rest.partition("?")
    if not (number.isascii() and number.isdecimal() and int(number) <= MAX_SENSOR):
        raise UsageError(f"{uri}: names no sensor; expected csi:0 to csi:{MAX_SENSOR}")
    options = UriOptions(uri, query)
    width_px = options.whole_number_within("width", FRAME_WIDTH_PX, 64, 4096) or FRAME_WIDTH_PX
    height_px = options.whole_number_within("height", FRAME_HEIGHT_PX, 64, 4096) or FRAME_HEIGHT_PX
    fps = options.fps() or 30.0
    mode = options.whole_number_within("mode", None, 0, 31)
    exposure_us = options.span("exposure", 10, 1_000_000)
    gain = options.span("gain", 1, 256)
    flip = options.whole_number_within("flip", 0, 0, 7) or 0
    options.refuse_unknown()
    if exposure_us is not None and exposure_us[1] > 1e6 / fps:
        longest = int(1e6 / fps)
        raise UsageError(
            f"{uri}: option exposure is up to {exposure_us[1]:g} us; expected at most {longest}, a picture's time at "
            f"{fps:g} fps"
        )
    return CsiWish(int(number), width_px, height_px, fps, mode, exposure_us, gain, flip)


def pipeline_of(wish: CsiWish) -> str:
    """As gst-launch-1.0 takes it. RGBA comes from the converter of the chip and is packed in a fifth of NV12's time."""
    rate = Fraction(wish.fps).limit_denominator(1001)
    source = [f"nvarguscamerasrc sensor-id={wish.sensor}"]
    if wish.mode is not None:
        source.append(f"sensor-mode={wish.mode}")
    if wish.exposure_us is not None:
        shortest, longest = (round(us * _NS_PER_US) for us in wish.exposure_us)
        source.append(f'exposuretimerange="{shortest} {longest}"')
    if wish.gain is not None:
        source.append(f'gainrange="{wish.gain[0]:g} {wish.gain[1]:g}"')
    size = f"width={wish.width_px},height={wish.height_px}"
    taken = f"video/x-raw(memory:NVMM),format=NV12,{size},framerate={rate.numerator}/{rate.denominator}"
    flip = f" flip-method={wish.flip}" if wish.flip else ""
    return f"{' '.join(source)} ! {taken} ! nvvidconv{flip} ! video/x-raw,format=RGBA"
