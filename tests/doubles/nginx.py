"""nginx before a unit, with the file of docs/examples/ or a location of the test's own."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.access.self_made import ensure_self_made
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S, wait_until
from tests.paths import REPOSITORY

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (apt-get install nginx-light)")
EXAMPLE = REPOSITORY / "docs" / "examples" / "nginx.conf"
USER, PASSWORD = "anna", "anna looks at it"
_OF_THE_WHOLE = ("auth_basic", "limit_conn")
"""What the location has from the rest of the file."""


def location_of_example() -> str:
    """The example's location of the page, as for a unit that has users of its own."""
    found = re.search(r"^ {4}(location /camera/ \{.*?^ {4}\})", EXAMPLE.read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None
    return "\n".join(line for line in found[1].splitlines() if not line.strip().startswith(_OF_THE_WHOLE))


@contextmanager
def example_before(unit: str, folder: Path) -> Iterator[str]:
    """The whole example before the unit at `HOST:PORT`: the page's address, over TLS and with a login.

    Args:
        folder: in one where nginx's workers, another user where root runs the test, can go.
    """
    ensure_self_made(folder, ["127.0.0.1"])
    folder.chmod(0o755)
    secret = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], check=True, capture_output=True, text=True).stdout
    (folder / "users").write_text(f"{USER}:{secret}")
    (folder / "users").chmod(0o644)
    port = free_port()
    text = EXAMPLE.read_text(encoding="utf-8")
    for there, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/edge-enhance/": f"{folder}/",
        "http://127.0.0.1:8080/": f"http://{unit}/",
    }.items():
        assert there in text, there
        text = text.replace(there, here)
    with _running(text, folder, port):
        yield f"https://127.0.0.1:{port}/camera/"


@contextmanager
def nginx_with(location: str, folder: Path) -> Iterator[str]:
    """The page's address through nginx with one location, without TLS."""
    port = free_port()
    with _running(f"server {{ listen 127.0.0.1:{port}; {location} }}", folder, port):
        yield f"http://127.0.0.1:{port}/camera/"


@contextmanager
def _running(servers: str, folder: Path, port: int) -> Iterator[None]:
    config = folder / "nginx.conf"
    config.write_text(f"""
        worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
            uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
            {servers}
        }}""")
    assert NGINX is not None
    server = subprocess.Popen([NGINX, "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")])
    try:
        wait_until(lambda: _listens(port) or server.poll() is not None)
        assert server.poll() is None, (folder / "error.log").read_text()
        yield
    finally:
        server.terminate()
        server.wait(GUARD_S)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
