"""Where the page listens, TLS, and the refusal to be open to everybody."""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import socket
import ssl
import stat
import subprocess
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge.access.certificate import Certificate
from edge.access.check import access_line
from edge.access.listening import addresses_of
from edge.access.self_made import ensure_self_made, machine_names
from edge.basics.errors import ConfigError, InputOutputError
from edge.config import WebConfig
from edge.updates.running_unit import RunningUnit
from tests.doubles.guarded import PASSWORDS, Guest
from tests.doubles.waiting import GUARD_S

NOW = datetime.now(timezone.utc)
OPEN = "0.0.0.0:0"


def given_certificate(folder, begin=NOW - timedelta(days=1), end=NOW + timedelta(days=300)):
    """Certificate and key as a hospital's authority would give them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "unit.hospital.example")])
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "given.pem", folder / "given.key"
    paths[0].write_bytes(signed.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    paths[1].chmod(0o600)
    return {"certificate": str(paths[0]), "key": str(paths[1])}


def served(url):
    """The certificate that a client is shown."""
    address = urlsplit(url)
    return x509.load_pem_x509_certificate(ssl.get_server_certificate((address.hostname, address.port)).encode())


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"users": ""}, "without users and TLS"),
        ({}, "without TLS"),
        ({"users": "", "certificate": "self-made"}, "without users:"),
        ({"users": "", "listen": "127.0.0.1:0, [::]:0"}, r"\[::\]:0 is open to the network, without users and TLS"),
    ],
)
def test_it_does_not_listen_beyond_this_machine_without_users_and_tls(open_studio, settings, missing):
    with pytest.raises(ConfigError, match=missing) as raised:
        open_studio(**{"listen": OPEN, **settings})
    for words in ("edge-enhance user add", "--certificate self-made", "--insecure"):
        assert words in str(raised.value)
    assert raised.value.exit_code == 78


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", "[::1]:0"])
def test_on_this_machine_it_needs_neither(open_studio, listen):
    studio = open_studio(listen=listen, users="")
    status, _, body = Guest(studio.url).ask("GET", "/health")
    assert status == 200
    assert json.loads(body)["access"] == {"users": False, "tls": False, "certificate_sha256": "", "notices": []}


def test_what_is_insecure_is_said_always(open_studio, users):
    told = {}
    for name, settings in {"neither": {"users": ""}, "no TLS": {}}.items():
        guest = Guest(open_studio(listen=OPEN, insecure=True, **settings).url)
        if settings == {}:
            guest.log_in("vera")
        told[name] = json.loads(guest.ask("GET", "/health")[2])["access"]["notices"]
    begin = "NOT SECURED: everybody on this network can"
    assert told["neither"] == [f"{begin} watch and change this and read along what is shown and typed here"]
    assert told["no TLS"] == [f"{begin} read along what is shown and typed here"]
    with pytest.raises(ConfigError, match="NOT SECURED"):
        access_line(WebConfig(listen="0.0.0.0:8080", insecure=True))


def test_tls_with_a_self_made_certificate(open_studio, tmp_path, caplog):
    caplog.set_level("INFO")
    studio = open_studio(listen=OPEN, certificate="self-made")
    guest = Guest(studio.url)
    assert studio.url.startswith("https://")
    assert guest.log_in("vera") == 200
    assert next(iter(guest.cookies)).startswith("__Host-edge-session")
    assert guest.ask("GET", "/health")[0] == 200
    found = served(studio.url)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert socket.gethostname() in names.get_values_for_type(x509.DNSName)
    assert "127.0.0.1" in [str(ip) for ip in names.get_values_for_type(x509.IPAddress)]
    fingerprint = found.fingerprint(hashes.SHA256()).hex(":").upper()
    assert f"certificate: SHA-256 {fingerprint}" in caplog.text
    config = WebConfig(listen="0.0.0.0:8080", users=str(tmp_path / "users.toml"), certificate="self-made")
    assert access_line(config).endswith(f"certificate SHA-256 {fingerprint}")
    running = json.loads(guest.ask("GET", "/health")[2])
    (tmp_path / "state" / "tls" / "certificate.pem").rename(tmp_path / "elsewhere")  # as a command elsewhere sees it
    assert access_line(config, None).endswith("a certificate is made at the start")
    assert access_line(config, running).endswith(f"certificate SHA-256 {fingerprint}")
    (tmp_path / "elsewhere").rename(tmp_path / "state" / "tls" / "certificate.pem")
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "state" / "tls").iterdir()}
    assert modes == {"certificate.pem": 0o600, "key.pem": 0o600}


def test_a_client_that_was_given_the_certificate_trusts_it(open_studio, tmp_path):
    studio = open_studio(listen=OPEN, certificate="self-made")
    context = ssl.create_default_context(cafile=tmp_path / "state" / "tls" / "certificate.pem")
    port = urlsplit(studio.url).port
    with (
        socket.create_connection(("127.0.0.1", port), timeout=GUARD_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        assert secured.version() == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(open_studio, version):
    studio = open_studio(listen=OPEN, certificate="self-made")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, version
    served_with = Certificate(WebConfig(certificate="self-made")).context
    assert served_with.minimum_version == ssl.TLSVersion.TLSv1_2, "whatever OpenSSL's own least is"
    with (
        socket.create_connection(("127.0.0.1", urlsplit(studio.url).port), timeout=GUARD_S) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain)


def test_what_is_no_tls_gets_no_answer_and_costs_no_line_of_the_log(open_studio, caplog):
    studio = open_studio(listen=OPEN, certificate="self-made")
    port = urlsplit(studio.url).port
    caplog.clear()
    for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01" + b"\x00" * 200, b"", b"\xff" * 5000) * 5:
        with socket.create_connection(("127.0.0.1", port), timeout=GUARD_S) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                assert b"HTTP" not in connection.recv(1000)
    assert caplog.text == ""
    assert Guest(studio.url).ask("GET", "/login")[0] == 200


def test_loopback_and_unix_stay_plain_and_the_network_gets_tls(open_studio, tmp_path):
    path = tmp_path / "web.sock"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = f"127.0.0.1:{port}, unix:{path}, 0.0.0.0:0"
    studio = open_studio(listen=listen, certificate="self-made")
    assert studio.url == f"http://127.0.0.1:{port}/"
    assert Guest(studio.url).log_in("vera") == 200
    assert Guest(f"unix://{path}").log_in("vera") == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_a_given_certificate_is_renewed_by_a_reload_and_a_damaged_one_is_not_taken(open_studio, tmp_path):
    studio = open_studio(listen=OPEN, **given_certificate(tmp_path))
    first = served(studio.url)
    given_certificate(tmp_path)
    studio.sink.reload_access()
    second = served(studio.url)
    assert first.serial_number != second.serial_number
    (tmp_path / "given.pem").write_text("nonsense")
    studio.sink.reload_access()
    assert served(studio.url) == second


def test_an_expired_certificate_is_served_with_a_notice(open_studio, tmp_path, users):
    end = NOW - timedelta(days=3)
    settings = given_certificate(tmp_path, NOW - timedelta(days=400), end)
    guest = Guest(open_studio(listen=OPEN, **settings).url)
    assert guest.log_in("vera") == 200
    [notice] = json.loads(guest.ask("GET", "/health")[2])["access"]["notices"]
    assert notice.startswith(f"the certificate ended on {end:%Y-%m-%d}")
    with pytest.raises(ConfigError, match="the certificate ended on"):
        access_line(WebConfig(listen="0.0.0.0:8080", users=str(users), **settings))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        pytest.param(lambda pem, key: pem.unlink(), "cannot be read", id="missing"),
        pytest.param(lambda pem, key: key.unlink(), "cannot be read", id="no key"),
        pytest.param(lambda pem, key: pem.write_text("x"), "no certificate in PEM", id="no PEM"),
        pytest.param(lambda pem, key: key.write_text("x"), "no key in PEM", id="no PEM of a key"),
        pytest.param(lambda pem, key: key.chmod(0o644), "others can read", id="an open key"),
        pytest.param(
            lambda pem, key: key.write_bytes(
                ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            ),
            "do not belong together",
            id="another key",
        ),
    ],
)
def test_a_certificate_that_cannot_be_served_is_told_at_the_start(open_studio, tmp_path, damage, why):
    settings = given_certificate(tmp_path)
    damage(tmp_path / "given.pem", tmp_path / "given.key")
    with pytest.raises(ConfigError, match=why):
        open_studio(listen=OPEN, **settings)


@pytest.mark.parametrize(
    ("now", "names", "is_made"),
    [
        pytest.param(NOW, ["localhost"], False, id="as it was"),
        pytest.param(NOW + timedelta(days=300), ["localhost"], False, id="ten months on"),
        pytest.param(NOW + timedelta(days=370), ["localhost"], True, id="in its last month"),
        pytest.param(NOW + timedelta(days=4000), ["localhost"], True, id="years on"),
        pytest.param(NOW, ["localhost", "10.9.8.7"], True, id="another address"),
        pytest.param(datetime(1970, 1, 1, tzinfo=timezone.utc), ["localhost"], True, id="the clock says 1970"),
    ],
)
def test_a_self_made_one_is_renewed_when_it_must_be_and_keeps_its_key(tmp_path, now, names, is_made):
    folder = tmp_path / "tls"
    assert ensure_self_made(folder, ["localhost"], NOW)
    key = (folder / "key.pem").read_bytes()
    assert ensure_self_made(folder, names, now) == is_made
    assert (folder / "key.pem").read_bytes() == key
    found = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
    assert found.not_valid_before_utc.year >= 2026 or not is_made


def test_a_key_that_others_may_have_read_is_made_anew(tmp_path):
    folder = tmp_path / "tls"
    ensure_self_made(folder, ["localhost"])
    key = (folder / "key.pem").read_bytes()
    (folder / "key.pem").chmod(0o644)
    assert ensure_self_made(folder, ["localhost"])
    assert (folder / "key.pem").read_bytes() != key
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600


def test_it_is_renewed_while_the_unit_runs(tmp_path, monkeypatch):
    certificate = Certificate(WebConfig(certificate="self-made"))
    before = certificate.fingerprint
    certificate.tick()
    assert certificate.fingerprint == before
    monkeypatch.setattr("edge.access.certificate.LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr("edge.access.certificate.machine_names", lambda: ("a-new-name",))
    certificate.tick()
    assert certificate.fingerprint != before


def test_its_names_are_found_where_netlink_is_refused_as_under_the_service(monkeypatch):
    def refused(*_):
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr("socket.if_nameindex", refused)
    assert {"localhost", "127.0.0.1", socket.gethostname()} <= {*machine_names()}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_takes_it_for_the_machines_names(tmp_path):
    ensure_self_made(tmp_path / "tls", machine_names())
    path = str(tmp_path / "tls" / "certificate.pem")
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", path, "-verify_hostname", socket.gethostname(), path],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("listen", ["", "8080", "unix:", "unix:web.sock", "unix:/" + "x" * 200, "127.0.0.1:80,", ","])
def test_addresses_that_cannot_be_are_refused(listen):
    with pytest.raises(ConfigError, match=r"web\.listen"):
        addresses_of(listen)


@pytest.mark.parametrize("kind", ["file", "link", "socket in use"])
def test_a_unix_socket_replaces_nothing_but_a_dead_one(open_studio, tmp_path, kind):
    path, victim = tmp_path / "web.sock", tmp_path / "victim"
    victim.write_text("precious")
    with socket.socket(socket.AF_UNIX) as other:
        if kind == "socket in use":
            other.bind(str(path))
            other.listen()
        elif kind == "link":
            path.symlink_to(victim)
        else:
            path.write_text("precious")
        with pytest.raises(InputOutputError, match="another program listens there"):
            open_studio(listen=f"unix:{path}")
    assert victim.read_text() == "precious"


def test_a_unix_socket_that_a_killed_unit_left_is_replaced_and_taken_away_at_the_end(open_studio, tmp_path):
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
    studio = open_studio(listen=f"unix:{path}", users="")
    assert Guest(f"unix://{path}").ask("GET", "/health")[0] == 200, "the proxy says who may come in"
    studio.close()
    assert not path.exists()


def test_only_a_proxy_at_a_unix_socket_is_believed_where_somebody_comes_from(open_studio, tmp_path, audited):
    path = tmp_path / "web.sock"
    studio = open_studio(listen=f"127.0.0.1:0, unix:{path}")
    forwarded = {"X-Forwarded-For": "1.2.3.4, 10.0.0.7", "X-Forwarded-Proto": "https"}
    login = {"name": "vera", "password": PASSWORDS["vera"]}
    behind = Guest(f"unix://{path}")
    assert behind.ask("POST", "/api/login", login, forwarded)[0] == 200
    assert next(iter(behind.cookies)).startswith("__Host-")
    direct = Guest(studio.url)
    assert direct.ask("POST", "/api/login", login, forwarded)[0] == 200
    assert next(iter(direct.cookies)).startswith("edge-session")
    assert [one["address"] for one in audited()] == ["10.0.0.7", "127.0.0.1"]


def test_this_machines_commands_come_in_by_their_own_socket(open_studio, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"0.0.0.0:{free.getsockname()[1]}"
    monkeypatch.setattr("edge.updates.running_unit._is_live", lambda pid: True)
    monkeypatch.setattr("edge.updates.running_unit.ANSWER_WITHIN_S", GUARD_S)
    assert RunningUnit(listen).health() is None
    studio = open_studio(listen=listen, certificate="self-made")
    [control] = (tmp_path / "run").iterdir()
    assert stat.S_IMODE(control.stat().st_mode) == 0o600
    record = RunningUnit(listen).health()
    assert record is not None and record["access"]["users"]
    studio.close()
    assert [*(tmp_path / "run").iterdir()] == []


def test_commands_of_another_user_are_strangers_at_that_socket(open_studio, tmp_path, monkeypatch):
    open_studio()
    [control] = (tmp_path / "run").iterdir()
    assert Guest(f"unix://{control}").ask("GET", "/health")[0] == 200
    monkeypatch.setattr("edge.access.visitors.is_trusted", lambda connection: False)
    assert Guest(f"unix://{control}").ask("GET", "/health")[0] == 401


@pytest.mark.parametrize(
    ("listen", "text"), [("[\"127.0.0.1:1\", 'unix:/x']", "127.0.0.1:1, unix:/x"), ("'a:1'", "a:1")]
)
def test_addresses_may_be_written_as_a_list(tmp_path, listen, text):
    from edge.config_file import load_config

    path = tmp_path / "edge.toml"
    path.write_text(f"web.listen = {listen}")
    assert load_config(path, {}).config.web.listen == text


@pytest.mark.parametrize("listen", ["[]", "[1]", "['a', 2]", "3"])
def test_a_list_of_anything_else_is_refused(tmp_path, listen):
    from edge.config_file import load_config

    path = tmp_path / "edge.toml"
    path.write_text(f"web.listen = {listen}")
    with pytest.raises(ConfigError, match=r"web\.listen"):
        load_config(path, {})
