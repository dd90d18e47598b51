"""A unit as a hospital sets it up: an environment with the locked packages and a wheel, and no checkout."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S, wait_until

NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Connection(Error|Refused)|Network is unreachable|timed out"
)


class Unit:
    """Its environment in `env/`, and what it writes in `state/`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.state.mkdir()
        self.config = folder / "edge.toml"
        venv.create(folder / "env", with_pip=True)
        self.token = ""

    def pip(self, *words: object) -> None:
        """Without a network the test skips; pip's own cache may be all it needs."""
        done = self._done(["python", "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--quiet", *words])
        if done.returncode and NO_NETWORK.search(done.stderr):
            pytest.skip(f"needs PyPI or pip's cache of it: {done.stderr.strip().splitlines()[-1][:200]}")
        assert done.returncode == 0, done.stderr

    def install_locked(self, dist: Path) -> None:
        for name in ("build", "unit"):
            locked = ("--require-hashes", "--no-build-isolation", "-r", dist / f"requirements-{name}.txt")
            self.pip("install", *locked)

    def install(self, wheel: Path) -> None:
        self.pip("install", "--upgrade", "--no-deps", "--no-index", wheel)

    def run(self, *words: object, given: str = "") -> str:
        done = self._done(words, given)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def _done(self, words: object, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(words), cwd=self.folder, env=self._environment, input=given, capture_output=True, text=True
        )

    def _command(self, words: object) -> list[str]:
        program, *others = map(str, words)
        return [str(self.folder / "env/bin" / program), *others]

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SETUPTOOLS_SCM"))}
        return {**kept, "HOME": str(self.folder), "STATE_DIRECTORY": str(self.state), "PIP_CACHE_DIR": cache_of_pip()}

    def configure(self) -> None:
        """The unit's own settings, with a port that is free."""
        self.port = free_port()
        lines = {
            "web.listen": f"127.0.0.1:{self.port}",
            "web.users": str(self.folder / "users.toml"),
            "web.jpeg_quality": 71,
            "source.uri": "demo:?fps=5",
            "engine.models": str(self.folder / "models"),
            "engine.keys": "",
            "engine.backend": "cpu",
            "save.folder": str(self.state / "pictures"),
        }
        self.config.write_text("".join(f"{key} = {json.dumps(value)}  # mine\n" for key, value in lines.items()))

    @contextmanager
    def live(self) -> Iterator[None]:
        """From the first enhanced picture on; what is left is ended as systemd would end it, with success."""
        command = self._command(["edge-enhance", "--live", "--config", self.config])
        with (self.folder / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=self._environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: process.poll() is not None or self.is_enhanced())
            assert process.poll() is None, (self.folder / "log").read_text()
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(GUARD_S)
        assert code == 0, (self.folder / "log").read_text()

    def is_enhanced(self) -> bool:
        try:
            status, content = self.ask("GET", "/health")
        except OSError:
            return False
        return status == 200 and json.loads(content)["mode"] == "enhanced"

    def ask(self, method: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_S)
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {self.token}"} if self.token else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def save(self) -> None:
        """As somebody does who presses Save: again, until the picture is live."""
        wait_until(lambda: self.ask("POST", "/api/save")[0] in (200, 202))
        wait_until(lambda: len(list((self.state / "pictures").glob("*.json"))) >= 1)


def cache_of_pip() -> str:
    """Where pip keeps what it has fetched before; HOME is the unit's own here."""
    return os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache/pip")
