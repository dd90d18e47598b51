"""The camera head's firmware at the time of a capture, for `session.json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from edge.camera_head import BridgeConfig
from edge.errors import DeviceMissing
from firmware_bridge.bridge import opened
from firmware_bridge.errors import PortError


def firmware_status(config: BridgeConfig) -> Mapping[str, Any] | None:
    """HELLO and STATUS of the camera head as they come over the line; None where no bridge is configured.

    Raises:
        DeviceMissing: a bridge is configured and no camera head answers.
    """
    if not config.port:
        return None
    try:
        with opened(config.port, config.baud) as bridge:
            snapshot = bridge.snapshot()
    except PortError as error:
        raise DeviceMissing(f"bridge.port = {config.port!r}: {error}") from error
    if snapshot.identity is None or snapshot.status is None:
        raise DeviceMissing(f"bridge.port = {config.port!r}: {snapshot.error}")
    return {"identity": dataclasses.asdict(snapshot.identity), "status": dataclasses.asdict(snapshot.status)}
