"""What was remembered as secret is in no text that leaves the program, in whatever form a library put it there."""

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.basics import hiding
from edge.basics.hiding import (
    record_without_secrets,
    remember,
    remember_in,
    remember_uri,
    remember_words,
    without_secrets,
)

PASSWORD = "pä:s/s@w\"o'rd&<ß>%#?"
PASSWORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=2, max_size=20).map(lambda text: f"Zq{text}7")


@pytest.fixture(autouse=True)
def register(monkeypatch):
    monkeypatch.setattr(hiding, "_known", hiding._Register())


FORMS = {
    "as it is": lambda text: text,
    "repr": repr,
    "ascii": ascii,
    "JSON": json.dumps,
    "JSON with its letters": lambda text: json.dumps(text, ensure_ascii=False),
    "percent": lambda text: quote(text, safe=""),
    "percent, slashes kept": quote,
    "percent, small letters": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "a form's": quote_plus,
    "HTTP Basic": lambda text: base64.b64encode(f"doctor:{text}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("written", [PASSWORD, quote(PASSWORD, safe="")], ids=["as it is", "encoded"])
def test_every_form_of_a_password_is_replaced(form, written):
    remember_uri(f"rtsp://doctor:{written}@10.0.0.1/live")
    shown = form(PASSWORD)
    bare = shown.strip("\"'") if form in (repr, ascii, json.dumps) else shown
    told = without_secrets(f"before {shown} after")
    assert bare not in told
    assert told.startswith("before ") and told.endswith(" after") and "***" in told


@settings(deadline=None)
@given(password=PASSWORDS)
def test_an_address_in_a_message_keeps_its_host_and_nothing_else(password):
    hiding._known = hiding._Register()
    uri = f"rtsp://doctor:{password}@10.0.0.1/live"
    remember_uri(uri)
    for message in (f"{uri}: no video there", f"[source] uri = {uri!r}: unknown key"):
        told = without_secrets(message)
        assert password not in told
        assert "rtsp://***@10.0.0.1/live" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("x: rtsp://d:geheim@h/a: no video", "x: rtsp://***@h/a: no video", id="address"),
        pytest.param('{"a":"http://h/?pwd=geheim","b":"c@d"}', '{"a":"http://h/?pwd=***","b":"c@d"}', id="JSON"),
        pytest.param("Authorization: Basic Z2VoZWlt", "Authorization: Basic ***", id="header"),
        pytest.param("{'authorization': 'Bearer Z2VoZWlt'}", "{'authorization': 'Bearer ***'}", id="header in a table"),
        pytest.param("live on http://127.0.0.1:8080/", "live on http://127.0.0.1:8080/", id="ours"),
        pytest.param("a@b: 3 of 4", "a@b: 3 of 4", id="nothing"),
    ],
)
def test_what_nobody_remembered_is_seen_by_its_shape(text, told):
    assert without_secrets(text) == told


def test_configurations_are_looked_through():
    table = {
        "source": {"uri": "rtsp://d:first-one@h/a", "password": "second-one", "password_file": "/etc/third-one"},
        "list": [{"urii": ["http://h/?token=fourth-one"], "pin": 567890, "tokens": 1440, "wait": True}],
    }
    remember_in(table)
    told = without_secrets("first-one second-one /etc/third-one fourth-one 567890 1440 True")
    assert told == "*** *** /etc/third-one *** *** 1440 True"


def test_command_lines_are_looked_through():
    words = ["--live", "--source", "rtsp://d:first-one@h/a", "--password=second-one", "--token", "third-one", "--debug"]
    assert remember_words(words) == ["rtsp://d:first-one@h/a", "--password=second-one", "third-one"]
    assert without_secrets("first-one second-one third-one --debug") == "*** *** *** --debug"
    assert remember_words(["--source=rtsp://d:fifth-one@h/a", "--output", "out"]) == ["--source=rtsp://d:fifth-one@h/a"]


def test_a_short_password_does_not_make_texts_unreadable():
    remember_uri("rtsp://d:12@10.0.0.1/12")
    remember_uri("rtsp://d:1234@10.0.0.1/a")
    assert without_secrets("12 of 12345 frames, d:12 in rtsp://d:12@10.0.0.1/12, 1234.") == (
        "12 of 12345 frames, *** in rtsp://***@10.0.0.1/12, ***."
    )


def test_words_of_the_programs_own_stay_in_a_record():
    remember("live")
    record = {"state": "live", "n": 3, "none": None, "parts": [{"reason": "live is lost"}]}
    assert record_without_secrets(record) == {**record, "parts": [{"reason": "*** is lost"}]}


def test_the_register_does_not_grow_without_end():
    for number in range(3000):
        remember(f"geheim-{number}")
    assert len(hiding._known._shown) <= hiding._MOST
    assert without_secrets("geheim-2999") == "***"


def test_events_and_records_of_the_page_are_looked_through():
    from edge.health.news import Board, NotSaved
    from edge.health.record import Health
    from edge.web.events import _line

    remember("geheim-77")
    board = Board()
    health = Health(board)
    health.set_source("rtsp://doctor:geheim-77@h/live")
    health.enter("source", "failed", "no geheim-77 there")
    health.track("camera", lambda: {"asked": ["geheim-77 x"], "reason": "http://h/?pwd=other"})
    board.post(NotSaved("geheim-77: disk full"))
    assert b"geheim" not in _line(NotSaved("geheim-77: disk full"))
    seen = json.dumps(health.snapshot(0)) + str(health.verdict(0)) + health.source() + str(health.part("source"))
    assert "geheim" not in seen and "other" not in seen
    assert "rtsp://***@h/live" in seen and "NOT SAVED: ***: disk full" in seen
