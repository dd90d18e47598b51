"""What a stage of a frame's way is: source, enhancer, sink, and what is looked after each second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from edge.frames.frame import Frame, FramePair


class Sink(Protocol):
    """A web page, a display, a recorder. Works in a thread of its own."""

    def start(self) -> None:
        """Open what the sink needs and start its thread; raises an EdgeError where that fails."""
        ...

    def publish(self, pair: FramePair) -> None:
        """Hand over the newest pair; never waits. A pair not yet used is replaced."""
        ...

    def close(self) -> None:
        """End the thread within a second; safe to call twice."""
        ...


class Source(Protocol):
    """A camera, or something that plays one.

    Attributes:
        uri: as the user wrote it.
        fps: nominal frames per second.
        paced: whether `read` itself waits for the next moment, as a camera does. An unpaced
            source gives a frame whenever it is asked, and its reader asks only when it can use one.
    """

    uri: str
    fps: float
    paced: bool

    def read(self) -> Frame | None:
        """Wait for the next frame: RGB uint8 (1080, 1920, 3), mode "raw". None: the source has ended.

        Raises:
            CameraLost: the device went away; `edge.sources.open.open_source` may be tried again.
            InputOutputError: the file cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of the device; safe to call twice, and from another thread to end a waiting `read`."""
        ...


def camera_mode(source: Source) -> str:
    """Size and pixel format of what a source gives, such as `1920x1080 MJPG`; a calibration holds for one of them."""
    return str(getattr(source, "camera_mode", "1920x1080 files"))


def about(source: Source) -> dict[str, Any]:
    """What a source tells of itself, as far as it does.

    `asked` and `granted`: size, format, rate, in words; `controls`: the camera's settings, name -> number; `picture`:
    its size, and how it was made 16:9.
    """
    told: Callable[[], dict[str, Any]] = getattr(source, "about", dict)
    return told()


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A setting of a camera that can be changed while it runs, as its driver numbers it.

    Attributes:
        is_active: it has an effect now, as an exposure has only where the camera does not expose by itself.
    """

    low: float
    high: float
    step: float
    default: float
    now: float
    is_active: bool = True

    def record(self) -> dict[str, Any]:
        numbers = {"low": self.low, "high": self.high, "step": self.step, "default": self.default, "now": self.now}
        return {**numbers, "active": self.is_active}


@runtime_checkable
class Adjustable(Protocol):
    """What a source has whose settings can be changed while it runs; from any thread, and it may wait for a driver."""

    def adjustments(self) -> Mapping[str, Adjustment]:
        """Name of a setting, as `edge.config.CAMERA_CONTROLS` has them -> what it may be and is.

        Raises:
            DeviceMissing: the camera went away.
        """
        ...

    def adjust(self, values: Mapping[str, float]) -> None:
        """Make settings, all or none.

        Raises:
            ConfigError: one is not there, out of range, or not taken.
            DeviceMissing: the camera went away.
        """
        ...


class HeldSource(Protocol):
    """A source that is opened, found again and exchanged behind the reader's back."""

    @property
    def has_begun(self) -> bool:
        """Whether it is open, or missing and waited for."""
        ...

    @property
    def paced(self) -> bool: ...

    def read(self) -> Frame | None:
        """As `Source.read`, but a device that went away is no error."""
        ...

    def close(self) -> None: ...


class Enhancer(Protocol):
    """Turns raw frames into enhanced ones; everything is called in the inference thread."""

    def start(self) -> None: ...

    def correct_and_enhance(self, raw: Frame) -> Frame | None:
        """The frame corrected for the unit, then enhanced; None where that cannot be had soon. Never raises."""
        ...

    def judge(self, raw: Frame, made: Frame) -> Frame:
        """The enhanced frame where it shows what the raw one does, else the raw one."""
        ...

    def idle(self) -> None:
        """No frame has come for a while."""
        ...

    def close(self) -> None: ...


class Watch(Protocol):
    """Something that is looked after each second, such as the temperature."""

    def tick(self, now_ns: int) -> None: ...
