"""The page in a browser, through docs/examples/nginx.conf: behind TLS, login and prefix it is what it is without."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.doubles.browsing import wait_until
from tests.doubles.fake_unit import FakeUnit
from tests.doubles.nginx import PASSWORD, USER, example_before, needs_nginx

pytestmark = needs_nginx


def test_a_browser_with_the_password_gets_live_pictures_over_the_websocket(
    open_page: Callable[..., Any], unit: FakeUnit
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,  # where nginx's workers, another user here, can go
        example_before(urlsplit(unit.url).netloc, Path(folder)) as url,
    ):
        login = {"username": USER, "password": PASSWORD}
        page = open_page(url=url, http_credentials=login, ignore_https_errors=True)
        wait_until(page, lambda: unit.wishes)
        page.close()
