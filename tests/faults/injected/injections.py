"""All the faults; each begins when its block is entered and ends when it is left."""

from __future__ import annotations

from tests.faults.injected import around, config, parts
from tests.faults.injected.registry import FAULTS, Expected, Fault

__all__ = ["FAULTS", "Expected", "Fault", "around", "config", "parts"]
