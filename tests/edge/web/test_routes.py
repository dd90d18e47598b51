"""A server with another page and records of its own, as the calibration tool has."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from edge.web.routes import Site
from tests.doubles.studio import web_sink


def test_another_site_is_served_beside_the_streams(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>Calibration</title>")
    site = Site({"/": tmp_path / "index.html"}, {"/guidance": lambda: {"words": "Hold still."}})
    sink = web_sink("127.0.0.1:0", site=site)
    sink.start()
    try:
        with urllib.request.urlopen(sink.url) as answer:
            assert answer.read() == b"<title>Calibration</title>"
        with urllib.request.urlopen(f"{sink.url}guidance") as answer:
            assert json.load(answer) == {"words": "Hold still."}
            assert answer.headers["Cache-Control"] == "no-store"
        with urllib.request.urlopen(f"{sink.url}health") as answer:
            assert json.load(answer)["state"] == "starting"
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(f"{sink.url}app.js")
        assert missing.value.code == 404
    finally:
        sink.close()
