"""Where tests find the repository, and real pictures and weights where a person has them."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EDGE_DATA") or REPOSITORY / "data")
"""Real pictures, clips and weights; tests that need one skip where it is absent."""
