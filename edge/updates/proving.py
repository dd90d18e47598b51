"""A model is proven in a process of its own, as the user whose service will run it, with limits."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from edge.basics.errors import EdgeError, ModelError
from edge.basics.folders import open_folder
from edge.basics.owner import Account, account_of
from edge.config import Config, EngineConfig
from edge.guard.confined import Confined, Limits, Task
from edge.guard.sandbox import Plan, has_gpu
from edge.models.profile import profile_roots
from edge.service.files import USER

PROOF_S = 60.0
"""What the proof of a profile may take: one that is live needs two seconds, a heavy one for stills more on a CPU."""
MODULE = "edge.updates.prove_process"
NOBODY = "nobody"


def prover(seconds: float) -> Confined:
    """The process for one proof. To be started before this one gives up being root."""
    return Confined(Limits(seconds), f"{MODULE}:load")


def prove_in(confined: Confined, folder: Path, config: Config, say: Callable[[str], object], origin: object) -> None:
    """Prove an unpacked bundle as `edge.updates.proof.prove` does, and say each of its lines.

    Args:
        folder: the unpacked bundle.
        origin: what lines and errors call it.

    Raises:
        EdgeError: as `prove`. ModelError: a limit was broken, or the process crashed.
    """
    argument = {"origin": str(origin), "engine": asdict(config.engine), "serial": config.unit.serial}
    with open_folder(folder) as opened:
        task = Task(f"{MODULE}:lines", argument, _plan(config.engine), _whom(), opened.descriptor)
        try:
            for line in confined.lines(task):
                say(line)
        except EdgeError as error:
            told = str(error)
            raise type(error)(told if told.startswith(f"{origin}: ") else f"{origin}: {told}") from error
    for words in confined.not_held:
        say(f"the process that tried it was not held by this kernel: {words}")


def _plan(engine: EngineConfig) -> Plan:
    """Beside the bundle: the unit's profiles, which say what ladder it would be in, and engines for a GPU."""
    uses_gpu = engine.backend != "cpu" and has_gpu()
    folders = [*profile_roots(engine.models), *([Path(engine.engines)] if uses_gpu else [])]
    return Plan(tuple(os.path.realpath(folder) for folder in folders), has_gpu=uses_gpu)


def _whom() -> Account:
    """Whom it runs as: this process's user, and in the place of root the service's user, or nobody."""
    if os.geteuid() != 0:
        return account_of(os.geteuid(), os.getegid())
    for name in (USER, NOBODY):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return account_of(entry.pw_uid, entry.pw_gid)
    raise ModelError(f"there is neither a user {USER} nor {NOBODY} to prove it as; run edge-enhance install-service")
