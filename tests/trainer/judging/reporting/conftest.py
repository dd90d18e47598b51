"""One comparison, made up, and its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.training.comparison_folder import write_comparison
from trainer.judging.reporting.report import write_report

pytest.importorskip("statsmodels", reason="the extra `study` is not installed")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 14 simulated and 2 real pictures by six methods, three of them with a beta.

    Of fewer pictures Holm's correction over all measures leaves nothing significant.
    """
    folder = tmp_path_factory.mktemp("comparison")
    write_comparison(folder, 14, 2)
    return write_report(folder)
