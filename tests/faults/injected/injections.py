"""All the faults; each begins when its block is entered and ends when it is left."""

from __future__ import annotations

from tests.faults.injected.registry import FAULTS, Expected, Fault

__all__ = ["FAULTS", "Expected", "Fault", "inject_around", "inject_config", "inject_parts"]
