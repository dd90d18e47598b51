"""What an engine is: the one interface behind which a profile runs on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from edge.pictures.image import Image


class Enhanced(NamedTuple):
    """What an engine gives back.

    Attributes:
        image: RGB uint8 (1080, 1920, 3), where the caller said, or a buffer of its own: the engine does not write into
            it again.
        stage_ms: name of a part -> milliseconds.
        whole: the answer of which `image` has a share; None where that is all of it, or nobody keeps it.
    """

    image: Image
    stage_ms: Mapping[str, float]
    whole: Image | None = None


class Engine(Protocol):
    """Runs one profile. Every call comes from the thread that opened it."""

    @property
    def profile(self) -> str: ...

    @property
    def model_sha256(self) -> str: ...

    @property
    def device(self) -> str:
        """Where it runs; may change between frames, when a CPU takes over from a GPU."""
        ...

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        """RGB uint8 (1080, 1920, 3) -> the enhanced picture, same shape.

        Args:
            out: where to put it; a new array by default.
        """
        ...

    def close(self) -> None: ...
