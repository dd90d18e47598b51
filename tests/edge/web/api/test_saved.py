"""The gallery's side of the store over HTTP: pages, files and parts of them, small pictures, removal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import simplejpeg

from edge.config import SaveConfig
from edge.health.news import Removed
from edge.pictures.marks import png_bytes
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.sealing.keys import Key
from edge.saving.store import Store
from edge.web.api.ranges import Span, span_of
from edge.web.api.saved import Saved
from tests.doubles.guarded import Guest
from tests.doubles.studio import Studio
from tests.edge.saving.test_listing import put_pair, put_recording, stem


class Gallery:
    """Attributes: hidden: what is being written; removed: names."""

    def __init__(self, folder: Path, at_rest: AtRest = PLAIN) -> None:
        self.at_rest = at_rest
        self.folder, self.hidden, self.removed = folder, set[str](), list[str]()
        folder.mkdir()
        self.studio = Studio(furnish=self._furnish)
        self.studio.board.read(Removed, lambda news: self.removed.append(news.name))
        self.guest = Guest(self.studio.url)

    def _furnish(self, studio: Studio) -> None:
        self.store = Store(SaveConfig(folder=str(self.folder)), studio.board, self.at_rest)
        saved = Saved(self.store, lambda: self.hidden)
        studio.sink.serve_too(saved.operations(), saved.state)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.guest.ask(method, f"/api/saved{path}", headers=headers)


@pytest.fixture
def gallery(tmp_path: Path) -> Any:
    gallery = Gallery(tmp_path / "kept")
    yield gallery
    gallery.studio.close()


def test_a_page_is_told_and_its_files_are_given(gallery: Gallery) -> None:
    pair, recording = put_pair(gallery.folder, 7), put_recording(gallery.folder, 5)
    page = json.loads(gallery.ask("?num=1")[2])
    assert ([item["name"] for item in page["items"]], page["more"]) == ([recording], True)
    page = json.loads(gallery.ask(f"?num=1&before={recording}")[2])
    assert ([item["name"] for item in page["items"]], page["more"]) == ([pair], False)
    for name in page["items"][0]["files"].values():
        status, headers, body = gallery.ask(f"/{name}")
        assert (status, body) == (200, (gallery.folder / name).read_bytes())
        assert headers["content-disposition"] == f'inline; filename="{name}"'
        assert headers["x-content-type-options"] == "nosniff"
    assert gallery.ask(f"/{recording}-raw.mp4")[1]["content-type"] == "video/mp4"


def test_parts_of_a_clip_are_given(gallery: Gallery) -> None:
    name = f"{put_recording(gallery.folder, 5)}-raw.mp4"
    content = bytes(range(256)) * 4000
    (gallery.folder / name).write_bytes(content)
    status, headers, body = gallery.ask(f"/{name}", Range="bytes=1000-500999")
    assert (status, body) == (206, content[1000:501_000])
    assert headers["content-range"] == f"bytes 1000-500999/{len(content)}"
    assert gallery.ask(f"/{name}", Range="bytes=-10")[2] == content[-10:]
    status, headers, _ = gallery.ask(f"/{name}", Range=f"bytes={len(content)}-")
    assert (status, headers["content-range"]) == (416, f"bytes */{len(content)}")


def test_parts_of_an_encrypted_clip_are_given_and_a_changed_one_is_not(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "kept", AtRest(Key(bytes(32))))
    try:
        name = f"{put_recording(gallery.folder, 5)}-raw.mp4"
        content = os.urandom(900_000)
        sealed = gallery.store.listing.at_rest.content(name, content)
        (gallery.folder / name).write_bytes(sealed)
        status, headers, body = gallery.ask(f"/{name}", Range="bytes=262000-600999")
        assert (status, body) == (206, content[262_000:601_000])
        assert headers["content-range"] == f"bytes 262000-600999/{len(content)}"
        assert gallery.ask(f"/{name}")[2] == content
        (gallery.folder / name).write_bytes(sealed[:-1])
        status, _, body = gallery.ask(f"/{name}")
        assert (status, b"cut short" in body) == (409, True)
    finally:
        gallery.studio.close()


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("", Span(0, 100, True)),
        ("bytes=0-9", Span(0, 10)),
        ("bytes=90-", Span(90, 100)),
        ("bytes=90-500", Span(90, 100)),
        ("bytes=-500", Span(0, 100)),
        ("bytes=-0", None),
        ("bytes=100-", None),
        ("bytes=5-4", Span(0, 100, True)),
        ("bytes=-", Span(0, 100, True)),
        ("bytes=0-1,5-6", Span(0, 100, True)),
        ("bytes=" + "9" * 40 + "-", Span(0, 100, True)),
        ("lines=0-9", Span(0, 100, True)),
    ],
)
def test_a_range_is_read_as_the_standard_says(header: str, span: Span | None) -> None:
    assert span_of(header, 100) == span


@pytest.mark.parametrize(
    "name", ["../secret.png", "..%2fsecret.png", "%2e%2e/secret.png", "secret.png", "%00", ".", "a" * 2000, "x" * 255]
)
def test_a_path_leads_nowhere_else(gallery: Gallery, name: str) -> None:
    (gallery.folder.parent / "secret.png").write_bytes(b"secret")
    (gallery.folder / "secret.png").write_bytes(b"secret")
    put_pair(gallery.folder, 7)
    for method in ("GET", "DELETE"):
        status, _, body = gallery.ask(f"/{name}?confirm={quote(name)}", method)
        assert status in (400, 404, 405, 409) and b"secret\n" not in body and body != b"secret"
    assert len(list(gallery.folder.iterdir())) == 4


def test_what_is_no_plain_file_is_not_given(gallery: Gallery) -> None:
    (gallery.folder.parent / "secret").write_bytes(b"secret")
    (gallery.folder / f"{stem(1)}-raw.png").symlink_to(gallery.folder.parent / "secret")
    os.mkfifo(gallery.folder / f"{stem(2)}-raw.png")
    for number in (1, 2):
        assert gallery.ask(f"/{stem(number)}-raw.png")[0] == 404
        assert gallery.ask(f"/{stem(number)}/small.jpg")[0] == 404


def test_small_pictures(gallery: Gallery) -> None:
    pair, recording = put_pair(gallery.folder, 7), put_recording(gallery.folder, 5)
    assert gallery.ask(f"/{pair}/small.jpg")[0] == 404, "no picture can be made of this"
    image = np.full((1080, 1920, 3), (10, 120, 30), np.uint8)
    (gallery.folder / f"{pair}-enhanced.png").write_bytes(png_bytes(image, "mode=enhanced"))
    status, headers, body = gallery.ask(f"/{pair}/small.jpg")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    small = simplejpeg.decode_jpeg(body)
    assert small.shape == (180, 320, 3) and abs(small.astype(int) - (10, 120, 30)).max() < 12
    assert gallery.ask(f"/{recording}/small.jpg")[2] == b"small"
    assert gallery.ask("/throat-none/small.jpg")[0] == 404


def test_removing_takes_the_name_twice_and_takes_all_of_it(gallery: Gallery) -> None:
    pair, recording = put_pair(gallery.folder, 7), put_recording(gallery.folder, 5)
    assert gallery.ask(f"/{pair}", "DELETE")[0] == 409
    assert gallery.ask(f"/{pair}?confirm={recording}", "DELETE")[0] == 409
    assert gallery.removed == []
    assert gallery.ask(f"/{pair}?confirm={pair}", "DELETE")[0] == 204
    assert gallery.removed == [pair] and not list(gallery.folder.glob(f"{pair}*"))
    assert gallery.ask(f"/{pair}?confirm={pair}", "DELETE")[0] == 404
    file = f"{recording}-raw.mp4"
    assert gallery.ask(f"/{file}?confirm={file}", "DELETE")[0] == 404, "a file alone is no thing to remove"


def test_what_is_being_recorded_is_neither_shown_nor_removed(gallery: Gallery) -> None:
    name = put_recording(gallery.folder, 5)
    gallery.hidden.add(name)
    gallery.store.running = lambda: (name, 100)
    assert json.loads(gallery.ask("")[2])["items"] == []
    assert gallery.ask(f"/{name}-raw.mp4")[0] == 404
    assert gallery.ask(f"/{name}?confirm={name}", "DELETE")[0] == 409


@pytest.mark.parametrize("query", ["num=0", "num=201", "num=-1", "num=x", "num=", "num=²"])
def test_a_number_out_of_range_is_refused(gallery: Gallery, query: str) -> None:
    assert gallery.ask(f"?{quote(query, safe='=')}")[0] == 400


def test_a_page_after_what_is_gone_says_so(gallery: Gallery) -> None:
    assert gallery.ask("?before=throat-gone")[0] == 404
