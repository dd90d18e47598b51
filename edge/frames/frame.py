"""The frame: what every stage takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edge.pictures.image import Image, Mode
from edge.pictures.marks import SYNTHESISED


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture on its way from the camera to the screen.

    A stage returns a new frame; no stage writes into `image`.

    Attributes:
        image: RGB uint8 (H, W, 3).
        seq: number given at the source; a gap means that frames were dropped.
        t_capture_ns: `time.monotonic_ns()` when the camera took it.
        mode: whether a network has touched the pixels.
        profile: the profile that made `image`, empty for a raw frame.
        stage_ms: name of a stage -> milliseconds that it took.
        strength: share of the enhancement that is in an enhanced frame, 0 to 1; at 0 it was only corrected for the
            unit.
        model: what made an enhanced frame, as its sidecar names it; empty where nobody says.
    """

    image: Image
    seq: int
    t_capture_ns: int
    mode: Mode = "raw"
    profile: str = ""
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    strength: float = 1.0
    model: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_synthesised(self) -> bool:
        """Whether there is detail in it that the camera did not see."""
        return self.model.get("detail") == SYNTHESISED

    def enhanced(
        self,
        image: Image,
        profile: str,
        stage_ms: Mapping[str, float],
        strength: float = 1.0,
        model: Mapping[str, str] | None = None,
    ) -> Frame:
        """The same moment after a profile: other pixels, the times added."""
        times = {**self.stage_ms, **stage_ms}
        made = replace(self, image=image, mode="enhanced", profile=profile, stage_ms=times)
        return replace(made, strength=strength, model=model or {})


@dataclass(frozen=True, slots=True)
class FramePair:
    """The untouched frame and what was made of it; they travel together to every sink.

    Attributes:
        raw: as captured.
        enhanced: the same `seq`; the raw frame itself where nothing could be enhanced.
    """

    raw: Frame
    enhanced: Frame
