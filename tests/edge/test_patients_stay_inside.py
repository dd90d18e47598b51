"""A whole unit with a patient of an unmistakable name: of all that it writes, logs, counts and answers, the records
beside what is kept alone bear it, and with a key not even those do as bytes on the disk.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge.access.people import People
from edge.access.tokens import new_token
from edge.saving.sealing.keys import make_key
from tests.doubles.guarded import write_users
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S
from tests.doubles.worklist_files import TITLE, answer, needs_wlmscpfs, served, write
from tests.paths import REPOSITORY

NAME, PATIENT_ID, BORN, ACCESSION, REFERRING = (
    "Quillfeather^Xaverine",
    "QZX-4711-7",
    "19430217",
    "ACCQZX7",
    "Grumbletoe^Ignaz",
)
LABEL = "Thistledown, Balthasar"
TRACES = ("quillfeather", "xaverine", "qzx-4711", BORN, "accqzx7", "grumbletoe", "thistledown", "balthasar")
LAUNCHER = """
import sys
from pathlib import Path
import edge.basics.logs as logs
logs.JOURNAL_SOCKET = Path(sys.argv[1])
logs.JournalHandler.__init__.__defaults__ = (logs.JOURNAL_SOCKET, None)
from edge.cli import main
sys.exit(main(sys.argv[2:]))
"""
"""The program with a journal of the test's own."""


class Journal:
    """What systemd-journald would get. Attributes: entries: as they come."""

    def __init__(self, path: Path) -> None:
        self.path, self.entries = path, list[bytes]()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while entry := self._socket.recv(1 << 20):
            self.entries.append(entry)


class Unit:
    """Runs as the service does, in folders of its own."""

    def __init__(self, folder: Path, worklist_port: int, *, is_encrypting: bool) -> None:
        self.folder, self.state, self.temporary = folder, folder / "state", folder / "tmp"
        for one in (self.state, self.temporary):
            one.mkdir()
        self.kept = self.state / "pictures"
        now = datetime.now(timezone.utc)
        tokens = {role: new_token(role, role, 30, now) for role in ("viewer", "operator")}
        self.tokens = {role: text for role, (text, _) in tokens.items()}
        users = write_users(folder / "users", People({}, {role: token for role, (_, token) in tokens.items()}))
        key = folder / "key"
        make_key(key)
        self.port = free_port()
        (folder / "edge.toml").write_text(
            f'[web]\nlisten = "127.0.0.1:{self.port}"\nusers = "{users}"\n[source]\nuri = "demo:?fps=4"\n'
            f"[recording]\nbefore_s = 5\n[usage]\nkeep = true\n"
            f'[worklist]\nhost = "127.0.0.1"\nport = {worklist_port}\nae_title = "{TITLE}"\n'
            f'[pacs]\nhost = "127.0.0.1"\nport = {free_port()}\n'
            f"[privacy]\nretention_days = 30\n{f'key = {str(key)!r}' if is_encrypting else ''}\n"
        )
        self.journal = Journal(folder / "journal")
        self.told: dict[str, bytes] = {}
        self._streams: list[threading.Thread] = []
        with (folder / "err").open("wb") as err, (folder / "out").open("wb") as out:
            about = os.fstat(err.fileno())
            environment = {
                **os.environ,
                "STATE_DIRECTORY": str(self.state),
                "TMPDIR": str(self.temporary),
                "JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}",
                "PYTHONPATH": str(REPOSITORY),
                "PYTHONWARNINGS": "always",
            }
            words = ["--live", "--debug", "--config", str(folder / "edge.toml")]
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, str(self.journal.path), *words],
                env=environment,
                stdout=out,
                stderr=err,
            )

    def ask(self, role: str, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_S)
        headers = {"Authorization": f"Bearer {self.tokens[role]}"}
        content = None if body is None else json.dumps(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, content, headers)
            answered = connection.getresponse()
            return answered.status, answered.read()
        finally:
            connection.close()

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """Asked again where a busy machine's picture is not live at this moment."""
        status, content = 0, b"not live"

        def is_answered() -> bool:
            nonlocal status, content
            status, content = self.ask("operator", method, path, body)
            return b"not live" not in content

        self.wait(is_answered)
        assert status in (200, 202, 204), (status, content)
        return json.loads(content) if content else None

    def health(self) -> Any:
        return json.loads(self.ask("operator", "GET", "/health")[1])

    def wait(self, is_so: Any) -> None:
        end = time.monotonic() + GUARD_S
        while not is_so():
            assert self.process.poll() is None and time.monotonic() < end, (self.folder / "err").read_text()[-2000:]
            time.sleep(0.1)

    def is_live(self) -> bool:
        try:
            return bool(self.health()["state"] == "live")
        except OSError:
            return False

    def listen(self, role: str) -> None:
        """Take down all events."""

        def run() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_S)
            connection.request("GET", "/events", headers={"Authorization": f"Bearer {self.tokens[role]}"})
            answered = connection.getresponse()
            while piece := _more_of(answered):
                self.told[f"/events of a {role}"] = self.told.get(f"/events of a {role}", b"") + piece

        self._streams.append(threading.Thread(target=run, daemon=True))
        self._streams[-1].start()
        self.wait(lambda: f"/events of a {role}" in self.told)

    def look(self, when: str) -> None:
        """What is answered to everybody, and what others on this machine see of the processes, at this moment."""
        for path in ("/health", "/metrics", "/api/state", "/openapi.json", "/api/recording"):
            self.told[f"{path} of a viewer, {when}"] = self.ask("viewer", "GET", path)[1]
        for path in ("/health", "/metrics"):
            self.told[f"{path} of an operator, {when}"] = self.ask("operator", "GET", path)[1]
        for path in ("/api/session", "/api/worklist", "/api/saved"):
            self.told[f"{path} refused to a viewer, {when}"] = self.ask("viewer", "GET", path)[1]
        own = psutil.Process(self.process.pid)
        self._look_at(own.pid, when)
        for one in own.children(recursive=True):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                self._look_at(one.pid, when)

    def _look_at(self, pid: int, when: str) -> None:
        for what in ("cmdline", "comm", "environ"):
            self.told[f"{what} of {pid}, {when}"] = Path(f"/proc/{pid}/{what}").read_bytes()
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                self.told[f"{descriptor}, {when}"] = bytes(descriptor.readlink())

    def files(self) -> Iterator[Path]:
        for folder in (self.state, self.temporary):
            yield from (path for path in folder.rglob("*") if path.is_file())

    def bears(self, path: Path) -> bool:
        try:
            return bool(traces_in(path.read_bytes()))
        except FileNotFoundError:
            return False

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(GUARD_S)
        for one in self._streams:
            one.join(GUARD_S)


def _more_of(answered: http.client.HTTPResponse) -> bytes:
    try:
        return answered.read1(65536)
    except (http.client.HTTPException, OSError):  # the unit has ended
        return b""


def traces_in(content: bytes) -> list[str]:
    """What is found in it of the persons, as UTF-8, in UTF-16, escaped or in another case."""
    lower = content.lower()
    return [one for one in TRACES if one.encode() in lower or one.encode("utf-16-le") in lower]


def test_the_traces_are_found() -> None:
    assert traces_in(b"x QuillFeather y") == ["quillfeather"] and not traces_in(b"nobody")


@pytest.mark.slow
@needs_wlmscpfs
@pytest.mark.parametrize("is_encrypting", [True, False], ids=["with a key", "without"])
def test_the_patient_is_in_the_records_alone(tmp_path: Path, is_encrypting: bool) -> None:
    more = {"PatientBirthDate": BORN, "AccessionNumber": ACCESSION, "ReferringPhysicianName": REFERRING}
    bad = answer(f"{NAME}ä".encode("latin-1"), "", f"{PATIENT_ID}-{'x' * 70}", AccessionNumber=f"{ACCESSION}{'x' * 20}")
    write(tmp_path / "ris" / TITLE, answer(NAME.encode(), "", PATIENT_ID, **more), bad)
    with ExitStack() as stack:
        unit = Unit(tmp_path, stack.enter_context(served(tmp_path / "ris")), is_encrypting=is_encrypting)
        stack.callback(unit.process.kill)
        unit.wait(unit.is_live)
        unit.listen("viewer")
        unit.listen("operator")
        examine(unit, is_encrypting=is_encrypting)
        unit.look("afterwards")
        unit.must("POST", "/api/session", {"label": LABEL})
        unit.end(signal.SIGABRT)  # as the watchdog ends a hung unit: where each thread stood goes to the journal
    assert unit.told["/events of a viewer"].count(b"event: session") >= 3
    for what in ("out", "err"):
        unit.told[what] = (tmp_path / what).read_bytes()
    assert b"Current thread" in unit.told["err"], "the crash is told"
    for number, entry in enumerate(unit.journal.entries):
        unit.told[f"entry {number} of the journal"] = entry
    assert any(b"EDGE_EVENT=patient-session" in entry for entry in unit.journal.entries)
    unit.told["the audit log"] = (unit.state / "audit" / "audit.jsonl").read_bytes()
    unit.told["the queue for the PACS"] = b"".join(path.read_bytes() for path in (unit.state / "pacs").iterdir())
    unit.told["names of files"] = "\n".join(map(str, unit.files())).encode()
    found = {what: traces_in(content) for what, content in unit.told.items()}
    assert not {what: traces for what, traces in found.items() if traces}
    bearing = {re.sub(r"throat.*\.json", "a record", path.name) for path in unit.files() if unit.bears(path)}
    assert bearing == (set() if is_encrypting else {"a record", "session.json"})


def examine(unit: Unit, *, is_encrypting: bool) -> None:
    """Two patients, from the worklist and by a label, and all that can go wrong with them."""
    worklist = unit.must("GET", "/api/worklist")
    assert traces_in(json.dumps(worklist).encode()), "it is told to who may choose"
    (key,) = [one["key"] for one in worklist["items"] if one["key"]]
    session = unit.must("POST", "/api/session", {"worklist": key})["session"]
    assert session["label"] == "Quillfeather, Xaverine"
    unit.must("POST", "/api/save")
    unit.wait(lambda: list(unit.kept.glob("*.png.json")))
    unit.must("POST", "/api/recording/start", {})
    unit.wait(lambda: unit.must("GET", "/api/recording")["running"]["seconds"] > 1)
    unit.look("while it records")
    bearing = [path for path in unit.files() if unit.bears(path)]
    assert bool(bearing) != is_encrypting, bearing
    assert unit.ask("operator", "DELETE", "/api/session")[0] == 409
    unit.must("POST", "/api/recording/stop")
    unit.must("POST", "/api/recording/keep")
    for item in unit.must("GET", "/api/saved")["items"]:
        assert item["session"]["label"] == session["label"]
        assert unit.ask("operator", "GET", f"/api/saved/{item['name']}/small.jpg")[0] == 200
        for name in item["files"].values():
            assert unit.ask("operator", "GET", f"/api/saved/{name}")[0] == 200
    fail(unit)
    assert unit.ask("operator", "DELETE", "/api/session?only=somebody")[0] == 409
    unit.must("DELETE", "/api/session")
    assert not (unit.state / "session" / "session.json").exists()
    unit.wait(lambda: (unit.health().get("pacs") or {}).get("waiting"))
    unit.wait(lambda: (unit.health().get("pacs") or {}).get("reason"))
    name = unit.must("GET", "/api/saved")["items"][0]["name"]
    assert unit.ask("operator", "DELETE", f"/api/saved/{name}?confirm={name}")[0] == 409, "it waits for the PACS"
    unit.must("POST", "/api/session", {"label": LABEL})
    unit.must("POST", "/api/save")
    assert unit.ask("operator", "POST", "/api/session", {"label": f"{LABEL} " * 9})[0] == 400
    assert unit.ask("operator", "POST", "/api/session", {"name": LABEL})[0] == 400
    assert unit.ask("operator", "POST", "/api/session", {"worklist": LABEL})[0] == 409
    unit.must("DELETE", "/api/session")


def fail(unit: Unit) -> None:
    """The disk goes away while a patient is examined."""
    aside = unit.kept.with_name("aside")
    unit.kept.rename(aside)
    unit.kept.write_text("no folder")
    before = unit.told["/events of a viewer"].count(b"not-saved")
    unit.must("POST", "/api/save")
    unit.wait(lambda: unit.told["/events of a viewer"].count(b"not-saved") > before)
    assert unit.ask("operator", "POST", "/api/recording/start", {})[0] == 409
    unit.look("while the disk fails")
    unit.kept.unlink()
    aside.rename(unit.kept)
