"""The page that the benchmarks renew their sections of."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "results.md"
