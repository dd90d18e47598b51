"""The page of a comparison in Firefox, whose driver cannot run beside the other one's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.firefox import FIREFOX, started_firefox
from tests.doubles.waiting import wait_until


@pytest.mark.slow
@pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed (apt-get install firefox-esr)")
def test_it_works_in_firefox(report: Path, tmp_path: Path) -> None:
    with started_firefox(tmp_path) as firefox:
        firefox.goto(report.as_uri())
        wait_until(lambda: firefox.evaluate("document.querySelectorAll('#tiles canvas[data-mean]').length") == 6)
        assert firefox.evaluate("document.getElementById('clip-box').getAttribute('width')") == "240"
