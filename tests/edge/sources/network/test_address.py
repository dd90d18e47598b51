"""Addresses of network cameras, and where they may send us."""

import pytest

from edge.basics.errors import ConfigError, DeviceMissing, UsageError
from edge.basics.hiding import without_secrets
from edge.sources.network.address import CameraAddress, one_address


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("rtsp://cam/live?a=b", CameraAddress("rtsp", "cam", 554, "/live?a=b")),
        ("HTTP://Cam:81", CameraAddress("http", "cam", 81, "/")),
        ("https://u:p%40%3A@[::1]/x", CameraAddress("https", "::1", 443, "/x", "u", "p@:")),
    ],
)
def test_an_address_in_its_parts(uri, address):
    assert one_address(uri) == address


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("rtsp://" + "a" * 10_000, "10007 characters"),
        ("rtsp://cam/a b", "without spaces"),
        ("rtsp://cam/\r\nDESCRIBE", "without spaces"),
        ("rtsp://käm/", "ASCII"),
        ("rtsp:///path", "no address"),
        ("rtsp://cam:99999/", "no address"),
        ("rtsp://cam:0/", "no address"),
    ],
)
def test_no_address(uri, said):
    with pytest.raises(UsageError, match=said):
        one_address(uri)


def test_the_url_that_is_sent_has_no_user():
    assert one_address("rtsp://u:secret@[fe80::1]:8554/a").url == "rtsp://[fe80::1]:8554/a"
    assert "secret" not in repr(one_address("rtsp://u:secret@cam/"))


@pytest.mark.parametrize(
    ("location", "url", "user"),
    [
        ("/other", "http://cam:81/other", "u"),
        ("http://cam:81/b", "http://cam:81/b", "u"),
        ("http://elsewhere/b", "http://elsewhere/b", ""),
        ("https://cam/b", "https://cam/b", ""),
    ],
)
def test_a_redirect_takes_the_user_along_to_the_same_place_only(location, url, user):
    there = one_address("http://u:p@cam:81/a").sent_on("cam", location)
    assert (there.url, there.user) == (url, user)


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("http://cam/", "file:///etc/passwd"),
        ("http://cam/", "rtsp://cam/"),
        ("rtsp://cam/", "http://cam/"),
        ("https://cam/", "http://cam/"),
        ("rtsps://cam/", "rtsp://cam/"),
        ("http://cam/", ""),
        ("http://cam/", "http://" + "a" * 5000),
    ],
)
def test_where_no_camera_is_read_from(uri, location):
    with pytest.raises(DeviceMissing, match="sends on to"):
        one_address(uri).sent_on("cam", location)


def test_the_password_comes_from_its_file(tmp_path):
    path = tmp_path / "password"
    path.write_text("p@ss wörd\n")
    path.chmod(0o640)
    assert one_address("rtsp://doctor@cam/", path).password == "p@ss wörd"
    assert "p@ss" not in without_secrets("the camera says: p@ss wörd is wrong"), "hidden in every output from now on"


@pytest.mark.parametrize(
    ("uri", "content", "mode", "said"),
    [
        ("rtsp://doctor@cam/", "p\n", 0o644, "everybody may read it"),
        ("rtsp://doctor@cam/", "", 0o600, "first line"),
        ("rtsp://doctor@cam/", "\n", 0o600, "first line"),
        ("rtsp://doctor:x@cam/", "p", 0o600, "has a password too"),
        ("rtsp://cam/", "p", 0o600, "names no user"),
        ("rtsp://doctor@cam/", None, 0o600, "cannot be read"),
    ],
)
def test_a_password_file_that_cannot_be_used(tmp_path, uri, content, mode, said):
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(ConfigError, match=said):
        one_address(uri, path)
