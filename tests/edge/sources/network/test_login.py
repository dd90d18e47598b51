"""Who we are, by the examples that the RFCs themselves give."""

import re

import pytest

from edge.sources.network.address import one_address
from edge.sources.network.login import Login

MUFASA = one_address("http://Mufasa:Circle%20of%20Life@www.example.org/dir/index.html")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
RFC_7616 = (
    f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={{}}, nonce="{NONCE}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(monkeypatch, algorithm, response):
    monkeypatch.setattr(
        "edge.sources.network.login.secrets.token_hex", lambda _: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    )
    login = Login(MUFASA)
    assert login.header("GET", "/") is None, "nothing is sent unasked"
    assert login.take([RFC_7616.format(algorithm)])
    header = login.header("GET", "/dir/index.html")
    assert f'response="{response}"' in header and "nc=00000001" in header
    assert "nc=00000002" in login.header("GET", "/dir/index.html")


def test_the_stronger_way_is_taken_and_basic_last():
    challenges = ['Basic realm="x"', RFC_7616.format("MD5"), RFC_7616.format("SHA-256")]
    login = Login(MUFASA)
    assert login.take(challenges)
    assert "algorithm=SHA-256" in login.header("GET", "/")
    plain = Login(one_address("http://Aladdin:open%20sesame@h/"))
    assert plain.take(['Basic realm="WallyWorld"'])
    assert plain.header("GET", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_a_refused_answer_is_not_tried_again_but_a_stale_nonce_is():
    login = Login(MUFASA)
    assert login.take([RFC_7616.format("MD5")])
    assert not login.take([RFC_7616.format("MD5")])
    assert login.take([RFC_7616.format("MD5") + ", stale=true"])
    assert "refuses this user" in login.refused()


def test_without_a_user_nothing_is_answered():
    login = Login(one_address("http://cam/"))
    assert not login.take(['Basic realm="x"'])
    assert login.header("GET", "/") is None
    assert "asks for a user" in login.refused()


def test_older_cameras_without_qop():
    login = Login(MUFASA)
    login.take(['Digest realm="cam", nonce="abc"'])
    assert re.search(r'uri="rtsp://cam/", response="[0-9a-f]{32}"$', login.header("DESCRIBE", "rtsp://cam/"))
