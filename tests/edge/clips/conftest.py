"""What several test files of `edge.clips` share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.files_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
