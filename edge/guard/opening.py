"""Opening a profile's engine once, to see that it can be had: in a process that can do nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from edge.basics.owner import account_of
from edge.config import EngineConfig
from edge.engines.rungs import own_rungs
from edge.guard.confined import Confined, Limits, Task
from edge.guard.order import EngineOrder
from edge.guard.sandbox import has_gpu
from edge.models.profile import Profile, load_profile, profile_roots

MODULE = "edge.guard.opening"
_OPENING_S = 900.0
"""Half a minute each for the largest profile on two cores, and as long as files wait for it."""
_MOST_MEMORY_BYTES = 1 << 40
"""No limit but the machine's: a large profile is no fault."""


def opener() -> Confined:
    """The process for one opening. To be started before this one gives up being root."""
    limits = Limits(_OPENING_S, _MOST_MEMORY_BYTES)
    return Confined(limits, f"{MODULE}:load" if os.geteuid() == 0 else "")  # else it loads when it is confined


def opened_once(confined: Confined, profile: Profile, config: EngineConfig) -> str:
    """Device, what the first frame takes, and why a better engine was passed over, in words.

    Args:
        confined: as `opener` gives it; whose rights this process has by now, it takes.

    Raises:
        EdgeError: no engine can be had; what the last said.
    """
    rungs = own_rungs(profile.name, config.backend)
    plan = EngineOrder(rungs[0], profile.sha256, config, None).plan()
    argument = {"profile": profile.name, "config": asdict(config)}
    plan = replace(plan, has_gpu=plan.has_gpu and has_gpu())
    account = account_of(os.geteuid(), os.getegid())
    *passed, told = confined.lines(Task(f"{MODULE}:lines", argument, plan, account))
    return "; ".join([told, *passed])


def load() -> None:
    """Load the program: whom the process becomes, its interpreter may be closed to."""
    import edge.engines.cpu
    import edge.engines.open  # noqa: F401
    from edge.engines.golden import golden_frame
    from edge.engines.threads import settle_opencv

    settle_opencv()
    golden_frame()


def lines(argument: Mapping[str, Any]) -> Iterator[str]:
    """What the process does: a line for each engine that is passed over, then the one that runs."""
    from edge.engines.open import open_proven

    config = EngineConfig(**argument["config"])
    profile = load_profile(argument["profile"], profile_roots(config.models))
    passed: list[str] = []
    engine, proof = open_proven(profile, config, own_rungs(profile.name, config.backend), passed.append)
    engine.close()
    yield from passed
    yield f"{engine.device}, first frame in {proof.took_ms:.0f} ms"
