"""Addresses of cameras as makers and people write them, and what may be seen of each."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.basics.secrets import secrets_of, shown_uri

SECRET = "Zq7-geheim"

USERS_WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=5, max_size=30).map(lambda text: f"Zq{text}7")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        pytest.param("rtsp://host/a", "rtsp://host/a", id="none"),
        pytest.param("rtsp://10.0.0.1:554/a@b", "rtsp://10.0.0.1:554/a@b", id="at sign in a path"),
        pytest.param("rtsp://[fe80::1%25eth0]:554/a", "rtsp://[fe80::1%25eth0]:554/a", id="IPv6"),
        pytest.param("rtsp://h/Streaming/Channels/101", "rtsp://h/Streaming/Channels/101", id="path of a maker"),
        pytest.param("rtsp://h/h264Preview_01_main", "rtsp://h/h264Preview_01_main", id="path with a number"),
        pytest.param("rtsp://h/live?channel=1&subtype=0", "rtsp://h/live?channel=1&subtype=0", id="harmless query"),
        pytest.param("http://127.0.0.1:80/a.png?view=raw", "http://127.0.0.1:80/a.png?view=raw", id="ours"),
        pytest.param("camera:/dev/video0?format=MJPG&fps=30", "camera:/dev/video0?format=MJPG&fps=30", id="camera"),
        pytest.param("demo:?unit=T-1&target=flat&dust=8", "demo:?unit=T-1&target=flat&dust=8", id="demo"),
        pytest.param("/data/a@b:c@d.mp4?fps=30", "/data/a@b:c@d.mp4?fps=30", id="a clip's name"),
        pytest.param("", "", id="nothing"),
        pytest.param(f"rtsp://doctor:{SECRET}@h/a", "rtsp://***@h/a", id="user and password"),
        pytest.param(f"RTSP://doctor:{SECRET}@h:554/a", "RTSP://***@h:554/a", id="large letters"),
        pytest.param(f"rtsp://:{SECRET}@h/a", "rtsp://***@h/a", id="password alone"),
        pytest.param(f"rtsp://{SECRET}@h/a", "rtsp://***@h/a", id="a token as the user"),
        pytest.param(f"rtsp://d:a@b:c/{SECRET}?e#f@h/a", "rtsp://***@h/a", id="nothing encoded"),
        pytest.param(f"rtsp://d:1/{SECRET}@h/a", "rtsp://***@h/a", id="begins like a port"),
        pytest.param(f"rtsp://to/{SECRET}==@h/a", "rtsp://***@h/a", id="a token in base64"),
        pytest.param(f"rtsp://d%3A{SECRET}%40h/a", "rtsp://***%40h/a", id="all encoded"),
        pytest.param(f"rtsp://d:{SECRET}", "rtsp://***", id="the host forgotten"),
        pytest.param(f"rtsp:d:{SECRET}@h/a", "rtsp:***@h/a", id="without slashes"),
        pytest.param(f"rtsp:/d:{SECRET}@h/a", "rtsp:/***@h/a", id="with one slash"),
        pytest.param(f"rtps:/d:{SECRET}@h/a", "***@h/a", id="mistyped scheme and slashes"),
        pytest.param(f"rtps://d:{SECRET}@h/a", "rtps://***@h/a", id="mistyped scheme"),
        pytest.param(f" rtsp://d:{SECRET}@h/a", "***@h/a", id="a blank in front"),
        pytest.param(f"d:{SECRET}@h/a", "***@h/a", id="without a scheme"),
        pytest.param(f"./rtsp://d:{SECRET}@h/a", "./rtsp://***@h/a", id="as a file"),
        pytest.param(f"demo:?x=rtsp://d:{SECRET}@h/a", "demo:?x=rtsp://***@h/a", id="as an option"),
        pytest.param(f"http://h/mjpg?pwd={SECRET}&res=3", "http://h/mjpg?pwd=***&res=3", id="query"),
        pytest.param(f"http://h/mjpg?use=d&loginpas={SECRET}", "http://h/mjpg?use=***&loginpas=***", id="a maker"),
        pytest.param(f"http://h/mjpg?whatever={SECRET}", "http://h/mjpg?whatever=***", id="a query of unknown name"),
        pytest.param(f"http://h/mjpg?{SECRET}", "http://h/mjpg?***", id="a query without a name"),
        pytest.param(f"http://h/mjpg?res=3?token={SECRET}", "http://h/mjpg?res=3?token=***", id="two question marks"),
        pytest.param(f"http://h/mjpg#{SECRET}", "http://h/mjpg#***", id="fragment"),
        pytest.param(f"http://h/a;token={SECRET}/b", "http://h/a;token=***/b", id="parameter of a path"),
        pytest.param(f"rtsp://h/user=d&pass={SECRET}&ch=1", "rtsp://h/user=***&pass=***&ch=1", id="path"),
        pytest.param(f"rtsp://h/user=d_password={SECRET}_channel=1", "rtsp://h/user=***", id="path of a recorder"),
        pytest.param(f"rtsp://h/user%3Dd%26password%3D{SECRET}", "rtsp://h/***", id="encoded path"),
        pytest.param("rtsps://h:7441/AbCdEf123GhIjKlM", "rtsps://h:7441/***", id="a path that is a token"),
        pytest.param(f"demo:?token={SECRET}", "demo:?token=***", id="an option of the demo"),
        pytest.param(f"camera:/dev/video0?pwd={SECRET}", "camera:/dev/video0?pwd=***", id="an option of a camera"),
    ],
)  # fmt: skip
def test_what_may_be_seen(uri, shown):
    assert shown_uri(uri) == shown
    assert shown_uri(shown) == shown, "what was hidden once stays as it is"


@pytest.mark.parametrize(
    ("pipeline", "shown"),
    [
        pytest.param("gst:v4l2src device=/dev/video0 ! x", "gst:v4l2src device=/dev/video0 ! x", id="nothing secret"),
        pytest.param('gst:x ! a/b,width=3 ! y caps="v/x,a=4"', 'gst:x ! a/b,width=3 ! y caps="v/x,a=4"', id="caps"),
        pytest.param("gst:rtspsrc location=rtsp://d:{0}@h/a ! x", "gst:rtspsrc location=rtsp://***@h/a ! x", id="bare"),
        pytest.param('GST:a uri = "rtsp://d:{0}@h/a" ! x', 'GST:a uri = "rtsp://***@h/a" ! x', id="quoted"),
        pytest.param('gst:a uri="rtsp://d:a {0}@h/a" ! x', 'gst:a uri="rtsp://***@h/a" ! x', id="a blank in quotes"),
        pytest.param("gst:a uri=rtsp://d:a {0}@h/a ! x", "gst:a uri=rtsp://*** ***@h/a ! x", id="a blank"),
        pytest.param("gst:rtsp://d:{0}@h/a ! x", "gst:rtsp://***@h/a ! x", id="address as an element"),
        pytest.param("gst:a uri=http://h/m?pwd={0} ! x", "gst:a uri=http://h/m?pwd=*** ! x", id="query"),
        pytest.param("gst:a user-id=d user-pw={0} ! x", "gst:a user-id=*** user-pw=*** ! x", id="properties"),
        pytest.param("gst:srtsrc passphrase='{0}' ! x", "gst:srtsrc passphrase='***' ! x", id="quoted property"),
        pytest.param(r'gst:a extra-headers="h,A=\"Basic {0}\"" ! x', 'gst:a extra-headers="***" ! x', id="headers"),
    ],
)
def test_a_pipeline_is_shown_without_what_is_secret(pipeline, shown):
    assert shown_uri(pipeline.format(SECRET)) == shown


@settings(deadline=None)
@given(password=USERS_WORDS)
def test_no_password_is_seen_however_it_is_written(password):
    encoded = quote(password, safe="")
    for written in (password, encoded, quote(password)):
        for uri in (
            f"rtsp://doctor:{written}@10.0.0.1:554/live",
            f"rtsp://{written}@camera.local/live",
            f"rtps:doctor:{written}@10.0.0.1/live",
        ):
            shown = shown_uri(uri)
            assert password not in shown and encoded not in shown
    for uri in (f"http://10.0.0.1/x?pwd={encoded}&channel=1", f"rtsp://10.0.0.1/a/password={encoded}/b"):
        assert shown_uri(uri) == uri.replace(encoded, "***")


@settings(deadline=None)
@given(text=st.text())
def test_any_text_can_be_shown(text):
    secrets_of(text)
    shown = shown_uri(text)
    assert shown_uri(shown).count("***") <= shown.count("***")


@pytest.mark.parametrize(
    ("uri", "secrets"),
    [
        pytest.param("rtsp://h/live?channel=1", set(), id="none"),
        pytest.param("rtsp://doctor@h/a", set(), id="a name is no secret"),
        pytest.param("rtsp://T0ken@h/a", {"T0ken"}, id="a token is"),
        pytest.param("rtsp://d:p%40w@h/a", {"p%40w", "d:p%40w"}, id="as it stands"),
        pytest.param("rtsp://d%3Apw%40h/a", {"d%3Apw", "d:pw", "pw"}, id="all encoded"),
        pytest.param("http://h/?loginuse=admin&loginpas=geheim&x=raw", {"geheim"}, id="only what is named so"),
    ],
)
def test_what_is_looked_for_by_itself(uri, secrets):
    assert secrets_of(uri) == secrets
