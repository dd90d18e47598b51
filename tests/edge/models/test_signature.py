"""Signatures: what a unit's keys vouch for, and every way in which they do not."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa, x25519

from edge.basics.errors import InputOutputError, ModelError, UsageError
from edge.models.signature import fingerprint_of, read_keys, signature_bytes, signer_of
from export.on_unit.keys import new_key, read_private_key

CONTENTS = b'{"format": 1}'
PEM, NONE = serialization.Encoding.PEM, serialization.NoEncryption()


def public_pem(key):
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def private_pem(key, lock=NONE):
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock)


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o755)
    return folder


@pytest.fixture
def private(tmp_path, keys):
    path, public, _ = new_key(tmp_path / "hospital")
    public.rename(keys / public.name)
    return read_private_key(path)


def test_what_is_signed_is_the_key_and_contents_alone(private):
    """RFC 8032 signatures are the same for the same message; the message is this program's own."""
    assert signature_bytes(CONTENTS, private) == signature_bytes(CONTENTS, private)
    private.public_key().verify(
        bytes.fromhex(json.loads(signature_bytes(CONTENTS, private))["signature"]),
        b"edge-enhance bundle 1\n5e5fbf8b2105e97e80ad17d9d85a76a6bb9359654d7937f7e783a7d2a40b5098",  # sha256sum
    )


def test_a_key_in_the_folder_vouches(keys, private):
    key = signer_of(CONTENTS, signature_bytes(CONTENTS, private), read_keys(keys), "x")
    assert (key.name, key.fingerprint) == ("hospital.pub", fingerprint_of(private.public_key()))


def changed(**changes):
    return lambda content: json.dumps({**json.loads(content), **changes}).encode()


def first_digit_turned(content):
    record = json.loads(content)
    turned = "0" if record["signature"][0] != "0" else "1"
    return json.dumps({**record, "signature": turned + record["signature"][1:]}).encode()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(first_digit_turned, "is not of this bundle", id="a digit turned"),
        pytest.param(changed(signature="0" * 128), "is not of this bundle", id="zeros"),
        pytest.param(changed(signature="00"), "cut or of another format", id="short"),
        pytest.param(changed(signature=None), "cut or of another format", id="null"),
        pytest.param(changed(key="0" * 64), "which is not in", id="another key's name"),
        pytest.param(changed(key="../x"), "cut or of another format", id="a path for a key"),
        pytest.param(changed(format=2), "cut or of another format", id="another format"),
        pytest.param(lambda content: content[:-20], "cut or of another format", id="cut"),
        pytest.param(lambda content: b"", "cut or of another format", id="empty"),
        pytest.param(lambda content: b"[" * 100_000, "cut or of another format", id="nested"),
        pytest.param(lambda content: b"\xff\xfe", "cut or of another format", id="no text"),
        pytest.param(lambda content: b"[]", "cut or of another format", id="a list"),
    ],
)
def test_a_signature_that_is_not_right_vouches_for_nothing(keys, private, spoil, message):
    with pytest.raises(ModelError, match=message) as caught:
        signer_of(CONTENTS, spoil(signature_bytes(CONTENTS, private)), read_keys(keys), "x")
    assert "\n" not in str(caught.value)


def test_the_signature_of_another_bundle_vouches_for_nothing(keys, private):
    with pytest.raises(ModelError, match="is not of this bundle"):
        signer_of(CONTENTS, signature_bytes(CONTENTS + b" ", private), read_keys(keys), "x")


def test_a_key_that_was_taken_away_vouches_for_nothing(keys, private):
    (keys / "hospital.pub").unlink()
    with pytest.raises(ModelError, match="which is not in"):
        signer_of(CONTENTS, signature_bytes(CONTENTS, private), read_keys(keys), "x")
    keys.rmdir()
    assert not read_keys(keys).by_fingerprint


FOREIGN = {
    "RSA": (lambda: public_pem(rsa.generate_private_key(65537, 2048)), "another kind"),
    "X25519": (lambda: public_pem(x25519.X25519PrivateKey.generate()), "another kind"),
    "private": (lambda: private_pem(ed25519.Ed25519PrivateKey.generate()), "holds a private key"),
    "noise": (lambda: os.urandom(200), "no public key"),
    "empty": (lambda: b"", "no public key"),
    "huge": (lambda: b"-" * 100_000, "has more than"),
}


@pytest.mark.parametrize(("content", "message"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_that_is_no_key_counts_for_none_and_harms_no_other(keys, private, content, message):
    (keys / "other.pub").write_bytes(content())
    read = read_keys(keys)
    assert len(read.by_fingerprint) == 1
    (fault,) = read.faults
    assert fault.startswith("other.pub: ") and message in fault


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_among_the_keys_is_not_waited_for(keys, private, make):
    make(keys / "other.pub")
    read = read_keys(keys)
    assert len(read.by_fingerprint) == 1 and "expected a plain file" in read.faults[0]


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
def test_a_key_that_others_may_write_counts_for_none(keys, private, mode):
    (keys / "hospital.pub").chmod(mode)
    read = read_keys(keys)
    assert not read.by_fingerprint and "may be written by others" in read.faults[0]


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_keys_in_a_folder_that_others_may_write_prove_nothing(keys, private, mode):
    keys.chmod(mode)
    with pytest.raises(ModelError, match="may be written by others"):
        read_keys(keys)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_root_takes_no_key_of_another_user(keys, private, what):
    os.chown(keys if what == "folder" else keys / "hospital.pub", 54321, 54321)
    if what == "folder":
        with pytest.raises(ModelError, match="belongs to user 54321"):
            read_keys(keys)
    else:
        assert "belongs to user 54321" in read_keys(keys).faults[0]


# ---- the private half


def test_a_new_pair_is_for_its_owner_and_never_written_over(tmp_path):
    private, public, fingerprint = new_key(tmp_path / "a")
    assert (private.stat().st_mode & 0o777, public.stat().st_mode & 0o777) == (0o600, 0o644)
    assert fingerprint_of(read_private_key(private).public_key()) == fingerprint
    for name in (private, public):
        before = name.read_bytes()
        with pytest.raises(InputOutputError, match="never written over"):
            new_key(tmp_path / "a")
        assert name.read_bytes() == before
        name.unlink()


PRIVATE = {
    "readable by others": (lambda: private_pem(ed25519.Ed25519PrivateKey.generate()), 0o640, "others may read it"),
    "RSA": (lambda: private_pem(rsa.generate_private_key(65537, 2048)), 0o600, "another kind"),
    "public": (lambda: public_pem(ed25519.Ed25519PrivateKey.generate()), 0o600, "is a public key"),
    "locked": (
        lambda: private_pem(ed25519.Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"x")),
        0o600,
        "locked with a password",
    ),
    "noise": (lambda: os.urandom(100), 0o600, "no private key"),
    "empty": (lambda: b"", 0o600, "no private key"),
}


@pytest.mark.parametrize(("content", "mode", "message"), PRIVATE.values(), ids=PRIVATE.keys())
def test_what_nobody_can_sign_with_is_refused(tmp_path, content, mode, message):
    path = tmp_path / "x.key"
    path.write_bytes(content())
    path.chmod(mode)
    with pytest.raises(UsageError, match=message) as caught:
        read_private_key(path)
    assert "\n" not in str(caught.value)


def test_a_pipe_for_a_key_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.key", 0o600)
    with pytest.raises(InputOutputError, match="expected a plain file"):
        read_private_key(tmp_path / "x.key")
