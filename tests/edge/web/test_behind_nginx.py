"""The page behind nginx, with the recipe of docs/integrator.md and with nginx's defaults."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from edge.access.audit import AuditLog
from tests.doubles.guarded import PASSWORDS, Guest, guarded_studio, write_users
from tests.doubles.http_viewer import GUARD_S, Viewer
from tests.paths import REPOSITORY

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (apt-get install nginx-light)")

DEFAULTS = "location /camera/ { proxy_pass http://127.0.0.1:8080/; }"


def recipe() -> str:
    """What the integrator is told to write."""
    text = (REPOSITORY / "docs" / "integrator.md").read_text()
    found = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(params=["defaults", "recipe"])
def proxied(request: pytest.FixtureRequest, studio: Any, tmp_path: Path) -> Iterator[str]:
    """The page's address through nginx."""
    location = DEFAULTS if request.param == "defaults" else recipe()
    location = location.replace("127.0.0.1:8080", urlsplit(studio.url).netloc)
    yield from behind_nginx(location, tmp_path)


def behind_nginx(location: str, tmp_path: Path) -> Iterator[str]:
    """The page's address through nginx with one location."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "nginx.conf"
    config.write_text(f"""
        worker_processes 1; daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            client_body_temp_path {tmp_path}/a; proxy_temp_path {tmp_path}/b; fastcgi_temp_path {tmp_path}/c;
            uwsgi_temp_path {tmp_path}/d; scgi_temp_path {tmp_path}/e;
            server {{ listen 127.0.0.1:{port}; {location} }}
        }}""")
    assert NGINX is not None
    server = subprocess.Popen([NGINX, "-c", str(config), "-p", str(tmp_path), "-e", str(tmp_path / "error.log")])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, (tmp_path / "error.log").read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/camera/"
    finally:
        server.terminate()
        server.wait(10)


def test_the_first_event_comes_at_once(proxied: str) -> None:
    address = urlsplit(proxied)
    connection = http.client.HTTPConnection(address.netloc, timeout=20.0)  # a buffer that must fill would never do it
    connection.request("GET", f"{address.path}events")
    response = connection.getresponse()
    assert response.readline() == b"event: state\n"
    assert "frozen" in json.loads(response.readline().removeprefix(b"data: "))
    connection.close()


@pytest.mark.slow
def test_a_viewer_that_reads_slowly_is_shown_no_old_pictures(studio: Any, proxied: str) -> None:
    """nginx's buffers of its own would hold seconds of a stream."""
    noise = np.random.default_rng(1).integers(0, 256, (540, 960, 3), dtype=np.uint8)
    studio.roll(noise, noise)
    viewer = Viewer(proxied, "view=enhanced")
    try:
        viewer.until(lambda part: part.state == "live")
        time.sleep(4.0)  # nobody reads: what piles up on the way is old when it is read
        for _ in range(30):
            newest = studio.seq
            part = viewer.next()
            if part.state == "live" and newest - part.seq <= 12:
                return
        raise AssertionError(f"the viewer is {newest - part.seq} pictures behind")
    finally:
        viewer.close()


def test_the_units_own_page_may_do_what_it_does_without_a_proxy(studio: Any, proxied: str) -> None:
    """Over plain HTTP a browser sends its Origin alone, and nginx by default another Host than the browser's."""
    studio.show()
    address = urlsplit(proxied)
    connection = http.client.HTTPConnection(address.netloc, timeout=GUARD_S)
    connection.request("POST", f"{address.path}api/strength?value=0.5", headers={"Origin": f"http://{address.netloc}"})
    status = connection.getresponse().status
    connection.close()
    is_recipe = "proxy_set_header" in recipe() and studio.freezer.strength() == 0.5
    assert (status == 200) == is_recipe


def test_a_login_behind_nginx_at_a_unix_socket_knows_where_it_comes_from(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    users = write_users(tmp_path / "users.toml")
    audit = AuditLog(tmp_path / "audit" / "audit.jsonl", journal=tmp_path / "none")
    with tempfile.TemporaryDirectory() as folder:  # where nginx's workers, another user here, can go
        Path(folder).chmod(0o755)
        path = Path(folder) / "web.sock"
        guarded = guarded_studio(users, audit, listen=f"unix:{path}")
        path.chmod(0o666)
        location = f"""location /camera/ {{
            proxy_pass http://unix:{path}:/;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme; }}"""
        with contextlib.contextmanager(behind_nginx)(location, tmp_path) as url:
            guest = Guest(url)
            body = {"name": "vera", "password": PASSWORDS["vera"]}
            assert guest.ask("POST", "/camera/api/login", body, {"X-Forwarded-For": "6.6.6.6"})[0] == 200
            assert guest.ask("GET", "/camera/health")[0] == 200
            status, headers, _ = Guest(url).ask("GET", "/camera/")
            assert (status, headers["location"]) == (303, "login"), "relative, so that it stays below /camera/"
        guarded.close()
    first = json.loads((tmp_path / "audit" / "audit.jsonl").read_text().splitlines()[0])
    assert (first["event"], first["address"]) == ("login", "127.0.0.1")
