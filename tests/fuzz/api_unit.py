"""Units with users of each role, for requests that nobody should make."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from edge.access.people import People, write_people
from edge.access.rights import ROLES, Role
from edge.access.tokens import new_token
from edge.config import SaveConfig, WebConfig
from edge.frames.stages import Adjustment
from edge.health.news import Removed, SessionChanged, ViewChanged
from edge.models.card import card_of
from edge.models.offered import OfferedProfile
from edge.models.profile import load_profile
from edge.saving.patient_session import PatientSession
from edge.saving.recording.opening import NotRecorded
from edge.saving.store import Store
from edge.web.api.camera_controls import CameraControls
from edge.web.api.light import Light
from edge.web.api.profiles import Profiles
from edge.web.api.recordings import Recordings
from edge.web.api.saved import Saved as Kept
from edge.web.api.session import Session
from edge.web.api.worklist import Worklist
from edge.web.limits import Limits
from tests.doubles.guarded import ROLE_OF, Guest, three_users
from tests.doubles.studio import Studio
from tests.doubles.waiting import GUARD_S, wait_until
from tests.doubles.worklists import ANNA, PlayedWorklist
from tests.edge.saving.test_listing import put_pair, put_recording

NAME_OF = {role: name for name, role in ROLE_OF.items()}
UNHURRIED = replace(Limits(), requests=1e6, accepts=1e6)
"""What is tried here is what is answered, not how fast it may be asked."""


class Parts:
    """Profile, light and camera of the unit: they write down each change."""

    limit_percent = 80.0
    is_adjustable = True

    def __init__(self) -> None:
        self.num_changes = 0
        self._percent = 10.0

    def use(self, name: str) -> Future[None]:
        return self._changed()

    def percent(self) -> float:
        return self._percent

    def set_percent(self, percent: float) -> Future[None]:
        self._percent = min(percent, self.limit_percent)
        return self._changed()

    def adjustments(self) -> dict[str, Adjustment]:
        return {"exposure": Adjustment(3, 2047, 1, 250, 250), "gain": Adjustment(0, 9, 1, 0, 0, is_active=False)}

    def adjust(self, values: Mapping[str, float]) -> None:
        self.num_changes += 1

    def begin(self, views: Any, *, before: bool = False) -> dict[str, Any]:
        self.num_changes += 1
        return self.state()

    def end(self) -> dict[str, Any]:
        raise NotRecorded("no recording runs")

    def keep(self) -> dict[str, Any]:
        self.num_changes += 1
        return {"name": "throat", "seconds": 1.0, "views": ["raw"], "bytes": 3}

    def record(self) -> dict[str, Any]:
        return {"running": self.state(), "before": {"seconds": 1.0, "bytes": 3}, "encoder": "H.264", "ended": ""}

    def state(self) -> dict[str, Any]:
        since = "2026-05-04T03:02:01+00:00"
        return {"name": "throat", "since": since, "seconds": 1.0, "views": ["raw"], "bytes": 3, "dropped": 0}

    def can(self) -> dict[str, bool]:
        return {"recording": True, "before_roll": True}

    def _changed(self) -> Future[None]:
        self.num_changes += 1
        done: Future[None] = Future()
        done.set_result(None)
        return done


class Guarded:
    """A unit with users of each role, and what each of them shows.

    Attributes:
        url: of the unit, once it runs.
        users: the users file.
        tokens: role -> a bearer token of it.
    """

    url = ""

    def __init__(self, folder: Path) -> None:
        self.users = folder / "users.toml"
        now, tokens = datetime.now(timezone.utc), {}
        self.tokens: dict[Role, str] = {}
        for role in ROLES:
            self.tokens[role], tokens[role] = new_token(role, role, 30, now)
        write_people(self.users, People(three_users().users, tokens))
        self._guests: dict[Role, Guest] = {}

    @property
    def address(self) -> tuple[str, int]:
        split = urlsplit(self.url)
        return str(split.hostname), int(split.port or 0)

    @property
    def num_changes(self) -> int:
        """How much was changed; where others than operators asked it stands still."""
        raise NotImplementedError

    def described(self) -> dict[str, Any]:
        """What the unit says of itself."""
        found: dict[str, Any] = json.loads(
            Guest(self.url).ask("GET", "/openapi.json", headers=self.with_token("admin"))[2]
        )
        return found

    def with_token(self, role: Role) -> dict[str, str]:
        """Headers."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def log_in(self) -> None:
        """As each role, before any password is guessed: the unit then knows their browsers, and lets them in again."""
        for role in ROLES:
            guest = self._guests[role] = Guest(self.url)
            assert guest.log_in(NAME_OF[role]) == 200

    def with_cookie(self, role: Role) -> dict[str, str]:
        """Headers."""
        return {"Cookie": "; ".join(f"{key}={value}" for key, value in self._guests[role].cookies.items())}

    def log_in_again(self, role: Role) -> None:
        """It has logged out; others may try passwords at the same time, and of these only a few may wait."""
        wait_until(lambda: self._guests[role].log_in(NAME_OF[role]) == 200)

    def be_live(self, is_live: bool) -> None:
        """Show pictures of now, or old ones, as far as it can be told to."""

    def errors(self) -> str:
        """What the unit said that it should not."""
        return ""

    def close(self) -> None:
        raise NotImplementedError


class ApiUnit(Guarded):
    """The web side alone, its parts played: quick."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.parts = Parts()
        self.num_views = 0
        config = WebConfig(listen="127.0.0.1:0", users=str(self.users))
        self.studio = Studio(config, furnish=self._furnish, limits=UNHURRIED)
        self.studio.board.read(ViewChanged, self._on_view)
        self.studio.board.read(SessionChanged, self._on_view)
        self.studio.board.read(Removed, self._on_view)
        self.studio.roll(every_s=0.2)
        self.url = self.studio.url

    @property
    def num_changes(self) -> int:
        """All that reached the parts."""
        return self.parts.num_changes + self.num_views + len(self.studio.shelf.pairs)

    def be_live(self, is_live: bool) -> None:
        self.studio.lag_ms = 0 if is_live else 900

    def close(self) -> None:
        self.studio.close()

    def _on_view(self, news: ViewChanged | SessionChanged | Removed) -> None:
        self.num_views += 1

    def _furnish(self, studio: Studio) -> None:
        card = card_of(load_profile("live").manifest)
        offered = (OfferedProfile("live", "Live", True, False, card), OfferedProfile("miinet", "MIINet", False, True))
        folder = self.users.parent / "kept"
        store = Store(SaveConfig(folder=str(folder)), studio.board)
        put_pair(folder, 7)
        put_recording(folder, 5)
        worklist = PlayedWorklist(ANNA)
        for part in (
            Profiles(lambda: offered, self.parts.use),
            Light(self.parts),
            CameraControls(self.parts),
            Recordings(self.parts),
            Kept(store),
            Session(PatientSession(studio.board, None, 0), worklist.examination),
            Worklist(worklist),
        ):
            studio.sink.serve_too(part.operations(), part.state)


class ProgramUnit(Guarded):
    """The whole program on the demo, with whatever it serves."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._audit, self._said = folder / "audit.jsonl", folder / "stderr.txt"
        self._log: BinaryIO | None = None
        self._begun, self._num_changes = b"", 0
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        config = folder / "edge.toml"
        config.write_text(f"""
            source.uri = "demo:?fps=2"
            engine.backend = "cpu"
            web.users = "{self.users}"
            web.listen = "127.0.0.1:{port}"
            audit.file = "{self._audit}"
            audit.size_mib = 1000
            save.folder = "{folder / "saved"}"
        """)
        with self._said.open("wb") as said:
            command = [sys.executable, "-m", "edge.cli", "--live", "--config", str(config)]
            self._program = subprocess.Popen(command, stderr=said)
        for _ in range(6):  # 20 s each
            with contextlib.suppress(AssertionError):
                wait_until(self._answers)
                return
        raise AssertionError(self._said.read_text())

    @property
    def num_changes(self) -> int:
        """What was asked for by those who may not, and done all the same."""
        if self._log is None and self._audit.exists():
            self._log = self._audit.open("rb")
        *lines, self._begun = (self._begun + (self._log.read() if self._log else b"")).split(b"\n")
        asked = [one for one in map(json.loads, lines) if one["event"].startswith("asked-")]
        self._num_changes += sum(one.get("role") not in ("operator", "admin") for one in asked)
        return self._num_changes

    def errors(self) -> str:
        said = self._said.read_text()
        return said if "Traceback" in said or "web server: " in said or self._program.poll() is not None else ""

    def close(self) -> None:
        self._program.terminate()
        self._program.wait(GUARD_S)
        if self._log is not None:
            self._log.close()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return Guest(self.url).ask("GET", "/login")[0] == 200
        return False
