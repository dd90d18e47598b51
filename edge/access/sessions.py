"""Sessions: who is logged in, and until when.

They live in memory. A service also keeps them in its own folder of /run, so that a program that ends and is started
again in the middle of an examination asks nobody for a password: they end with the service, or with the boot.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.access.boot import boot_id
from edge.basics.texts import json_from_text
from edge.basics.whole_files import write_whole

MAX_SESSIONS, MAX_OF_ONE_USER = 256, 16


@dataclass(slots=True)
class Session:
    """One browser that has logged in.

    Attributes:
        proof: of the password that opened it; where the user has another one now, it has ended.
        begun_s, seen_s: monotonic.
    """

    name: str
    proof: str
    address: str
    begun_s: float
    seen_s: float


class Sessions:
    """Belongs to the event loop. Only hashes of the cookies are kept. By the monotonic clock: clocks jump.

    Args:
        idle_s: one that has asked for nothing, and has nothing open, for so long ends.
        most_s: one ends after so long whatever it does.
        on_ended: told each one that ends, and why.
        kept: file that outlives this process; None for none.
    """

    def __init__(
        self,
        idle_s: float,
        most_s: float,
        on_ended: Callable[[Session, str], None],
        clock: Callable[[], float] = time.monotonic,
        kept: Path | None = None,
    ) -> None:
        self._idle_s, self._most_s, self._on_ended, self._clock = idle_s, most_s, on_ended, clock
        self._kept = kept
        self._sessions: dict[str, Session] = {} if kept is None else dict(_read(kept, clock()))

    def begin(self, name: str, password: str, address: str) -> str:
        """A new session; gives its cookie. Of too many the one that was idle longest ends."""
        own = {key: one for key, one in self._sessions.items() if one.name == name}
        crowd = own if len(own) >= MAX_OF_ONE_USER else self._sessions if len(self) >= MAX_SESSIONS else {}
        if crowd:
            self._end(min(crowd, key=lambda key: crowd[key].seen_s), "too many sessions")
        cookie, now_s = secrets.token_urlsafe(32), self._clock()
        self._sessions[_key(cookie)] = Session(name, proof_of(password), address, now_s, now_s)
        self._keep()
        return cookie

    def of(self, cookie: str) -> Session | None:
        """The session of a cookie, which counts as used now; None where there is none."""
        session = self._sessions.get(_key(cookie))
        if session is None or self._why_over(session):
            return None
        session.seen_s = self._clock()
        return session

    def end(self, session: Session, why: str) -> None:
        """End it now."""
        for key in [key for key, one in self._sessions.items() if one is session]:
            self._end(key, why)

    def is_open(self, session: Session) -> bool:
        """Whether it has not ended."""
        return any(one is session for one in self._sessions.values()) and not self._why_over(session)

    def left_s(self, session: Session) -> float:
        """Until it ends however much it is used, in seconds."""
        return max(0.0, self._most_s - (self._clock() - session.begun_s))

    def use(self, session: Session) -> None:
        """Something of it is open: that is use."""
        session.seen_s = self._clock()

    def sweep(self, password_of: Callable[[str], str | None]) -> None:
        """End those whose time is over, and those whose user is gone or has another password.

        Args:
            password_of: the hash that a user has now; None for one who is gone.
        """
        for key, session in list(self._sessions.items()):
            if why := _why_gone(session, password_of(session.name)) or self._why_over(session):
                self._end(key, why)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    def _why_over(self, session: Session) -> str:
        now_s = self._clock()
        if now_s - session.begun_s >= self._most_s:
            return "time is over"
        return "idle" if now_s - session.seen_s >= self._idle_s else ""

    def _end(self, key: str, why: str) -> None:
        ended = self._sessions.pop(key)
        self._keep()
        self._on_ended(ended, why)

    def _keep(self) -> None:
        if self._kept is None:
            return
        rows = {key: asdict(session) for key, session in self._sessions.items()}
        with contextlib.suppress(OSError):  # then a restart logs out: no reason to refuse a login
            write_whole(self._kept, json.dumps({"boot": boot_id(), "sessions": rows}).encode(), mode=0o600)


def kept_sessions_path() -> Path | None:
    """Of the service; None for a program that was started by hand."""
    folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(folder) / "sessions.json" if folder else None


def proof_of(password_hash: str) -> str:
    """By it a session is held to a password, without keeping its hash where sessions are kept."""
    return hashlib.sha256(password_hash.encode()).hexdigest()


def _why_gone(session: Session, password: str | None) -> str:
    if password is None:
        return "user removed"
    return "" if proof_of(password) == session.proof else "password changed"


def _read(path: Path, now_s: float) -> Iterator[tuple[str, Session]]:
    """What this boot has kept, as used now; nothing where it is damaged, or somebody else could have written it."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                return
            kept = json_from_text(file.read(1 << 20))
        if kept["boot"] != boot_id() or not kept["boot"]:
            return
        for key, row in kept["sessions"].items():
            name, proof, address = (str(row[field]) for field in ("name", "proof", "address"))
            yield str(key), Session(name, proof, address, float(row["begun_s"]), now_s)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
