"""`edge-bridge pair`: gives a camera head a key, while somebody holds its button."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from firmware_bridge.errors import BridgeError, Refused
from firmware_bridge.host.bridge import Bridge, opened
from firmware_bridge.host.keys import forget_key, new_key, write_key
from firmware_bridge.host.signer import UNSIGNED
from firmware_bridge.wire.messages import NakReason
from firmware_bridge.wire.signing import KEY_BYTES, pair_of

PATIENCE_S, _ASK_S = 60.0, 0.2


class NotPaired(BridgeError):
    """The head keeps the key that it had, or none."""


def run_pair(port: str, baud: int, keys: Path, *, forget: bool = False, patience_s: float = PATIENCE_S) -> int:
    """Wait for the button, hand over the key, keep it.

    Args:
        keys: folder of keys; the head's is in a file of mode 600.
        forget: take the key away instead.

    Raises:
        NotPaired: the firmware cannot be paired, or nobody held the button.
        KeyFileWrong: the key cannot be kept; the head is not told of it then.
    """
    with opened(port, baud, keys) as bridge:
        snapshot = bridge.snapshot()
        assert snapshot.identity is not None, "opened waits for it"
        serial = snapshot.identity.serial
        if snapshot.pairing == UNSIGNED:
            raise NotPaired(f"{serial}: this firmware cannot be paired; update the firmware of the camera head")
        key = bytes(KEY_BYTES) if forget else new_key()
        kept = write_key(keys / "new", serial, key)  # first: a key that only the head knows would lock the unit out
        try:
            sys.stdout.write(f"Hold the button of {serial} until this command says that it is done.\n")
            sys.stdout.flush()
            _hand_over(bridge, key, serial, patience_s)
            if forget:
                forget_key(keys, serial)
            else:
                write_key(keys, serial, key)
        finally:
            kept.unlink(missing_ok=True)
            kept.parent.rmdir()
    sys.stdout.write(f"{serial}: {'obeys everybody again' if forget else 'obeys this unit alone'}\n")
    return 0


def _hand_over(bridge: Bridge, key: bytes, serial: str, patience_s: float) -> None:
    pause = threading.Event()
    for _ in range(round(patience_s / _ASK_S)):
        try:
            bridge.command(pair_of(key))
            return
        except Refused as error:
            if error.reason != NakReason.NOT_CONFIRMED:
                raise
        pause.wait(_ASK_S)
    raise NotPaired(f"{serial}: its button was not held within {patience_s:g} s; nothing has changed")
