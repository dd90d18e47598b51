"""The users file: read strictly, written whole, closed to others."""

from __future__ import annotations

import os
import re
import stat
from datetime import datetime, timezone

import pytest

from edge.access.people import People, User, checked_name, read_people, write_people
from edge.access.tokens import new_token
from edge.basics.errors import ConfigError, UsageError
from tests.doubles.guarded import hashed, three_users

HASH = hashed("a password for tests")


def test_what_is_written_reads_back_and_holds_no_secret(tmp_path):
    path, people = tmp_path / "users.toml", three_users()
    text, token = new_token("wall", "viewer", 90, datetime.now(timezone.utc))
    people = People(people.users, {"wall": token})
    write_people(path, people)
    assert read_people(path) == people
    assert text not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not [one for one in tmp_path.iterdir() if one.name.endswith(".part")]


def test_a_wide_umask_opens_it_to_nobody_not_even_while_it_is_written(tmp_path, monkeypatch):
    path, modes = tmp_path / "users.toml", []
    real = os.fsync

    def watched(descriptor):
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr("edge.basics.whole_files.os.fsync", watched)
    before = os.umask(0)
    try:
        write_people(path, three_users())
        part = tmp_path / ".users.toml.edge.part"
        part.touch(0o666)  # left behind by something else
        write_people(path, three_users())
    finally:
        os.umask(before)
    assert modes[0] == modes[2] == 0o640
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o642, 0o641, 0o777])
def test_a_file_that_others_can_read_or_change_is_refused(users, mode):
    users.chmod(mode)
    with pytest.raises(ConfigError, match=rf"mode {mode:04o}, so others can .* chmod 0640"):
        read_people(users)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_a_file_that_is_closed_to_others_is_read(users, mode):
    users.chmod(mode)
    assert [*read_people(users).users] == ["vera", "otto", "ada"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_refused_and_a_written_one_keeps_its_owner(users):
    os.chown(users, 12345, 12345)
    with pytest.raises(ConfigError, match="belongs to user 12345"):
        read_people(users)
    os.chown(users, 0, 12345)
    write_people(users, read_people(users))
    assert (users.stat().st_uid, users.stat().st_gid) == (0, 12345)


@pytest.mark.parametrize("kind", ["missing", "folder", "FIFO", "huge", "device"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "users.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path, 0o600)
    elif kind == "huge":
        path.touch(0o600)
        os.truncate(path, 1 << 30)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        read_people(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[[user", "no users file", id="no TOML"),
        pytest.param("\xff", "no users file", id="not UTF-8"),
        pytest.param("[[guest]]", "unknown table", id="unknown table"),
        pytest.param("user = 3", "expected tables", id="no tables"),
        pytest.param("[[user]]\nname = 'a'", "role ''", id="no role"),
        pytest.param(f"[[user]]\nname = 'a'\nrole = 'root'\npassword = '{HASH}'", "one of viewer", id="unknown role"),
        pytest.param(f"[[user]]\nname = 'a b'\nrole = 'admin'\npassword = '{HASH}'", "expected a name", id="no name"),
        pytest.param("[[user]]\nname = 'a'\nrole = 'admin'\npassword = 'plain'", "no argon2id", id="a plain password"),
        pytest.param(f"[[user]]\nname = 'a'\nrole = 'admin'\npassword = '{HASH}'\n" * 2, "twice", id="twice"),
        pytest.param("[[token]]\nname = 'a'\nrole = 'admin'\nsha256 = 'x'", "damaged", id="a damaged token"),
    ],
)
def test_a_damaged_file_is_refused_whole_and_in_one_line(tmp_path, text, words):
    path = tmp_path / "users.toml"
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=re.escape(words)) as raised:
        read_people(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["anna", "Jörg.Müller", "a@hospital.example", "x" * 64, "42"])
def test_names_that_may_be(name):
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", " anna", "a\nb", "\x1b[2J", "-x", "a" * 65, "a/b", "a\u202eb", 'a"b', "\ud800"])
def test_names_that_may_not_be(name):
    with pytest.raises(UsageError, match="expected 1 to 64 letters") as raised:
        checked_name(name)
    assert str(raised.value).isprintable()


def test_a_file_that_is_written_stays_as_it_was_where_the_disk_is_full(users, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    before = users.read_bytes()
    monkeypatch.setattr("edge.basics.whole_files.os.fsync", full)
    with pytest.raises(Exception, match="No space left"):
        write_people(users, People({"x": User("x", "viewer", HASH)}, {}))
    assert users.read_bytes() == before
