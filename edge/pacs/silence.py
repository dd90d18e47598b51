"""pynetdicom tells in its log what goes over the line, patients' names among it: none of that is ours to write."""

from __future__ import annotations

import logging
import warnings


def silence() -> None:
    """Nothing of pynetdicom's and pydicom's log is heard from now on, whatever `--debug` asks for."""
    from pynetdicom import _config
    from pynetdicom.dul import DULServiceProvider

    # A peer that hangs must not hold up the program's end; what these threads do is nowhere half written.
    setattr(DULServiceProvider, "daemon", property(lambda thread: True, lambda thread, is_daemon: None))  # noqa: B010
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.STORE_SEND_CHUNKED_DATASET = True
    for name in ("pynetdicom", "pydicom"):
        log = logging.getLogger(name)
        log.disabled, log.propagate = True, False
        log.setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")  # some repeat the value that they warn of
