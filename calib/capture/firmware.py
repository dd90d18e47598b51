"""The camera head's firmware at the time of a capture, for `session.json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from edge.camera_head.head import asked_head
from edge.config import BridgeConfig


def firmware_status(config: BridgeConfig) -> Mapping[str, Any] | None:
    """HELLO and STATUS of the camera head as they come over the line; None where no bridge is configured.

    Raises:
        DeviceMissing: a bridge is configured and no camera head answers.
    """
    if not config.port:
        return None
    identity, status, _ = asked_head(config)
    return {"identity": dataclasses.asdict(identity), "status": dataclasses.asdict(status)}
