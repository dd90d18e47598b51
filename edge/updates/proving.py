"""A model is proven in a process of its own, as the user whose service will run it, with limits."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from edge.basics import errors
from edge.basics.errors import EdgeError, ModelError
from edge.basics.folders import open_folder
from edge.basics.owner import Account, account_of
from edge.config import Config
from edge.service.files import USER
from edge.updates.confined import Confined, Limits, default_memory_bytes

PROOF_S = 60.0
"""What the proof of a profile may take: one that is live needs two seconds, a heavy one for stills more on a CPU."""
MODULE = "edge.updates.prove_process"
NOBODY = "nobody"


def prover(seconds: float) -> Confined:
    """The process for one proof. To be started before this one gives up being root."""
    return Confined(MODULE, Limits(seconds, default_memory_bytes()))


def prove_in(confined: Confined, folder: Path, config: Config, say: Callable[[str], object], origin: object) -> None:
    """Prove an unpacked bundle as `edge.updates.proof.prove` does, and say each of its lines.

    Args:
        folder: the unpacked bundle.
        origin: what lines and errors call it.

    Raises:
        EdgeError: as `prove`. ModelError: a limit was broken, or the process crashed.
    """
    is_proven = False
    with open_folder(folder) as opened:
        order = {
            "origin": str(origin),
            "engine": asdict(config.engine),
            "serial": config.unit.serial,
            "account": asdict(_whom()),
        }
        for said in confined.said(order, (opened.descriptor,)):
            if "error" in said:
                raise _error_of(said)(f"{origin}: {said['error']}".replace(f"{origin}: {origin}", str(origin)))
            if "line" in said:
                say(str(said["line"]))
            is_proven = is_proven or said.get("done") is True
    if not is_proven:
        raise ModelError(f"{origin}: the process that tried it ended before it was through")


def _error_of(said: dict[str, object]) -> type[EdgeError]:
    kind = getattr(errors, str(said.get("kind")), None)
    return kind if isinstance(kind, type) and issubclass(kind, EdgeError) else ModelError


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
