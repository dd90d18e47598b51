"""The line to a camera head that answers, while the machine lets the test's process stand still.

What the host then takes for a head that is gone is seen where a test is about that: it calls the fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from firmware_bridge.host import bridge, session
from tests.doubles.waiting import GUARD_S

_GUARD_NS = GUARD_S * 10**9


@pytest.fixture(autouse=True)
def patient_line() -> Iterator[Callable[[], None]]:
    """Import it, and no head is given up in the module's tests; called, it gives back the limits of the unit."""
    with pytest.MonkeyPatch.context() as patch:
        for limit in ("SILENT_NS", "USELESS_NS", "HELLO_TIMEOUT_NS"):
            patch.setattr(session, limit, _GUARD_NS)
        patch.setattr(session, "NUM_TRIES", _GUARD_NS // session.ANSWER_TIMEOUT_NS)
        patch.setattr(bridge, "_CONNECT_S", float(GUARD_S))
        yield patch.undo
