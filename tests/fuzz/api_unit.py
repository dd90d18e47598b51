"""A unit with users of each role and every part of the API, for requests that nobody should make."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.access.people import People, write_people
from edge.access.rights import ROLES, Role
from edge.access.tokens import new_token
from edge.config import SaveConfig, WebConfig
from edge.frames.stages import Adjustment
from edge.health.news import Removed, SessionChanged, ViewChanged
from edge.models.offered import OfferedProfile
from edge.saving.patient_session import PatientSession
from edge.saving.recording.opening import NotRecorded
from edge.saving.store import Store
from edge.web.api.camera_controls import CameraControls
from edge.web.api.light import Light
from edge.web.api.profiles import Profiles
from edge.web.api.recordings import Recordings
from edge.web.api.saved import Saved as Kept
from edge.web.api.session import Session
from edge.web.limits import Limits
from tests.doubles.guarded import ROLE_OF, Guest, three_users
from tests.doubles.studio import Studio
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


class ApiUnit:
    """Attributes: tokens: role -> a bearer token of it; document: what the unit says of itself."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        users = Path(self._folder.name) / "users.toml"
        now, tokens = datetime.now(timezone.utc), {}
        self.tokens: dict[Role, str] = {}
        for role in ROLES:
            self.tokens[role], tokens[role] = new_token(role, role, 30, now)
        write_people(users, People(three_users().users, tokens))
        self.parts = Parts()
        self.num_views = 0
        config = WebConfig(listen="127.0.0.1:0", users=str(users))
        self.studio = Studio(config, furnish=self._furnish, limits=UNHURRIED)
        self.studio.board.read(ViewChanged, self._on_view)
        self.studio.board.read(SessionChanged, self._on_view)
        self.studio.board.read(Removed, self._on_view)
        self.studio.roll()
        self._cookies: dict[Role, dict[str, str]] = {}
        found = Guest(self.url).ask("GET", "/openapi.json", headers=self.with_token("admin"))
        self.document: dict[str, Any] = json.loads(found[2])

    @property
    def url(self) -> str:
        return self.studio.url

    @property
    def address(self) -> tuple[str, int]:
        split = urlsplit(self.url)
        return str(split.hostname), int(split.port or 0)

    @property
    def num_changes(self) -> int:
        """What only an operator may: it must stand still while others ask."""
        return self.parts.num_changes + self.num_views + len(self.studio.shelf.pairs)

    def with_token(self, role: Role) -> dict[str, str]:
        """Headers."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def with_cookie(self, role: Role) -> dict[str, str]:
        """Headers; logs in where nobody of the role has."""
        if role not in self._cookies:
            guest = Guest(self.url)
            assert guest.log_in(NAME_OF[role]) == 200
            self._cookies[role] = dict(guest.cookies)
        return {"Cookie": "; ".join(f"{key}={value}" for key, value in self._cookies[role].items())}

    def forget_cookie(self, role: Role) -> None:
        """It has logged out."""
        self._cookies.pop(role, None)

    def close(self) -> None:
        self.studio.close()
        self._folder.cleanup()

    def _on_view(self, news: ViewChanged | SessionChanged | Removed) -> None:
        self.num_views += 1

    def _furnish(self, studio: Studio) -> None:
        offered = (OfferedProfile("live", "Live", True, False), OfferedProfile("miinet", "MIINet", False, True))
        folder = Path(self._folder.name) / "kept"
        store = Store(SaveConfig(folder=str(folder)), studio.board)
        put_pair(folder, 7)
        put_recording(folder, 5)
        for part in (
            Profiles(lambda: offered, self.parts.use),
            Light(self.parts),
            CameraControls(self.parts),
            Recordings(self.parts),
            Kept(store),
            Session(PatientSession(studio.board, None, 0)),
        ):
            studio.sink.serve_too(part.operations(), part.state)
