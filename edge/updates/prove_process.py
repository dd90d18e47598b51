"""What the process does in which a model is proven before it is installed; `edge.updates.proving` starts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def load() -> None:
    """Load the program, all of it: whom the process becomes, its interpreter may be closed to."""
    import edge.engines.cpu
    import edge.engines.gpu.open  # noqa: F401
    from edge.engines.threads import settle_opencv
    from edge.updates.proof import draw_frames

    settle_opencv()
    draw_frames()  # loads what is loaded late


def lines(argument: Mapping[str, Any]) -> Iterator[str]:
    """As `edge.updates.proof.prove`, of the bundle in `argument["folder"]`, whose path no line or error shows."""
    from edge.basics.errors import EdgeError
    from edge.config import Config, EngineConfig, UnitConfig
    from edge.models.bundle import BUNDLE_NAME, MAX_CONTENTS_BYTES, read_contents
    from edge.updates.proof import prove

    folder, origin = Path(argument["folder"]), argument["origin"]
    config = Config(engine=EngineConfig(**argument["engine"]), unit=UnitConfig(serial=argument["serial"]))
    try:
        with (folder / BUNDLE_NAME).open("rb") as file:
            contents = read_contents(file.read(MAX_CONTENTS_BYTES), origin)
        for line in prove(folder, contents, config):
            yield line.replace(str(folder), origin)
    except EdgeError as error:
        raise type(error)(str(error).replace(str(folder), origin)) from error
