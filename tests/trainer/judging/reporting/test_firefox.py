"""The page of a comparison in Firefox, whose driver cannot run beside the other one's."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.doubles.firefox import FIREFOX, started_firefox

GUARD_S = 60.0


@pytest.mark.slow
@pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed (apt-get install firefox-esr)")
def test_it_works_in_firefox(report: Path, tmp_path: Path) -> None:
    with started_firefox(tmp_path) as firefox:
        firefox.goto(report.as_uri())
        until_s = time.monotonic() + GUARD_S
        while firefox.evaluate("document.querySelectorAll('#tiles canvas[data-mean]').length") != 6:
            assert time.monotonic() < until_s, "no difference maps"
            time.sleep(0.1)
        assert firefox.evaluate("document.getElementById('clip-box').getAttribute('width')") == "240"
