"""What the containers' files promise: nobody's root, volumes, a health that tells a live picture from another."""

import fnmatch
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from edge.basics.texts import toml_from_text
from release.__main__ import LOCKS
from tests.paths import REPOSITORY

FILES = ("Containerfile", "Containerfile.jetpack")
PROJECT = toml_from_text((REPOSITORY / "pyproject.toml").read_text())["project"]


@pytest.fixture(params=FILES)
def steps(request):
    """Instruction and words of each step of the last stage."""
    text = (REPOSITORY / "release" / request.param).read_text()
    lines = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", " ").splitlines()
    found = [tuple(line.split(None, 1)) for line in lines if line.strip()]
    last = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


@contextmanager
def unit_in(state):
    """The address of the health of a unit in that state."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(404 if state == "gone" else 200)
            self.end_headers()
            self.wfile.write(json.dumps({"state": state}).encode())

        def log_message(self, *words):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/health"
        server.shutdown()


def words_of(steps, instruction):
    return [words for word, words in steps if word == instruction]


def test_it_runs_as_nobody_and_writes_into_volumes(steps):
    assert words_of(steps, "USER") == ["10001:10001"]
    (volumes,) = map(json.loads, words_of(steps, "VOLUME"))
    (environment,) = words_of(steps, "ENV")
    assert re.search(r"STATE_DIRECTORY=(\S+)", environment)[1] in volumes and "/etc/edge-enhance" in volumes
    (entry,) = map(json.loads, words_of(steps, "ENTRYPOINT"))
    assert entry[0] in PROJECT["scripts"]
    (command,) = map(json.loads, words_of(steps, "CMD"))
    assert command == ["--live", "--config", "/etc/edge-enhance/edge.toml"]


@pytest.mark.parametrize("name", FILES)
def test_what_it_copies_is_in_dist(name):
    text = (REPOSITORY / "release" / name).read_text()
    made = [f"requirements-{lock}.txt" for lock in LOCKS] + ["edge_enhance-1.2.3-cp310-abi3-linux_x86_64.whl"]
    (copied,) = re.findall(r"(?m)^COPY (?!--from)(.*) /dist/$", text)
    for pattern in copied.split():
        assert fnmatch.filter(made, pattern), pattern


@pytest.mark.slow
@pytest.mark.parametrize(("state", "code"), [("live", 0), ("degraded", 0), ("stale", 1), ("no-signal", 1), ("gone", 1)])
def test_its_health_is_that_of_the_picture(steps, state, code):
    (check,) = words_of(steps, "HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    with unit_in(state) as url:
        done = subprocess.run([sys.executable, *command[1:]], env={**os.environ, "HEALTH": url}, capture_output=True)
    assert done.returncode == code, done.stderr
