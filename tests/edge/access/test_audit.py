"""The audit log: bounded, plain, and through no link."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time

import pytest

from edge.access import audit
from edge.access.audit import NUM_FILES, AuditLog
from edge.access.audit_command import entries
from tests.doubles.waiting import GUARD_S


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit" / "audit.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_has_both_clocks_and_the_boot(path, tmp_path):
    AuditLog(path, journal=tmp_path / "none").record("login", "anna", role="viewer", address="10.0.0.1", reason="")
    [entry] = lines(path)
    assert [*entry] == ["at", "monotonic_s", "boot", "event", "who", "role", "address"]
    assert abs(entry["monotonic_s"] - time.monotonic()) < 60
    assert len(entry["boot"]) == 32
    assert entry["at"].endswith("+00:00")


def test_only_its_own_user_and_group_may_read_it(path, tmp_path):
    before = os.umask(0)
    try:
        AuditLog(path, journal=tmp_path / "none").record("login", "anna")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def test_it_takes_no_more_than_it_may(path, tmp_path):
    log = AuditLog(path, size_mib=1, journal=tmp_path / "none")
    log._most_bytes = 2000
    for number in range(200):
        log.record("login", f"user-{number}")
    files = sorted(path.parent.iterdir())
    assert len(files) == NUM_FILES
    assert sum(file.stat().st_size for file in files) <= NUM_FILES * 2000
    kept = [entry["who"] for _, entry in entries(path)]
    assert kept == [f"user-{number}" for number in range(200 - len(kept), 200)]


@pytest.mark.parametrize("kind", ["link", "hard link", "FIFO", "folder", "folder is a link"])
def test_nothing_is_written_through_what_somebody_laid_there(path, tmp_path, caplog, kind):
    victim = tmp_path / "victim"
    victim.mkdir() if kind == "folder is a link" else victim.write_text("precious")
    if kind == "folder is a link":
        path.parent.symlink_to(victim)
    else:
        path.parent.mkdir()
        {
            "link": lambda: path.symlink_to(victim),
            "hard link": lambda: path.hardlink_to(victim),
            "FIFO": lambda: os.mkfifo(path),
            "folder": path.mkdir,
        }[kind]()
    log = AuditLog(path, journal=tmp_path / "none")
    log.record("login", "anna")
    log.record("login", "anna")
    assert caplog.text.count("cannot be written") == 1
    assert [*victim.iterdir()] == [] if victim.is_dir() else victim.read_text() == "precious"


@pytest.mark.parametrize("who", ["a\x1b[31m", "a\nb", "a\u202eb", "x" * 5000, "\ud800", "é"])
def test_what_a_stranger_sends_stays_on_one_printable_line(path, tmp_path, who):
    AuditLog(path, journal=tmp_path / "none").record("login-failed", who)
    text = path.read_text()
    assert text.count("\n") == 1 and text.rstrip("\n").isprintable()
    assert len(text) < 2000


def test_of_many_alike_one_is_written_and_the_next_tells_their_number(path, tmp_path, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr("edge.access.audit.time.monotonic", lambda: now_s[0])
    log = AuditLog(path, journal=tmp_path / "none")
    for _ in range(100):
        log.record("login-failed", "anna", seldom="10.0.0.1")
    log.record("login-failed", "anna", seldom="10.0.0.2")
    now_s[0] += 11
    log.record("login-failed", "anna", seldom="10.0.0.1")
    assert [entry.get("more") for entry in lines(path)] == [None, None, 99]


def test_a_disk_that_hangs_stops_nobody(path, tmp_path, monkeypatch):
    hang = threading.Event()
    monkeypatch.setattr("edge.access.audit._append", lambda *args: hang.wait(GUARD_S))
    log = AuditLog(path, journal=tmp_path / "none")
    log.start()
    begin_s = time.monotonic()
    for number in range(3000):
        log.record("login", f"user-{number}")
    assert time.monotonic() - begin_s < GUARD_S, "each would have waited that long"
    hang.set()
    log.close()


def test_lines_are_counted(path, tmp_path, monkeypatch):
    log = AuditLog(path, journal=tmp_path / "none")
    log.record("login", "anna")
    log.record("login", "anna")
    assert log.counts() == {"written": 2, "lost": 0, "failing": 0}

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit, "_append", refuse)
    log.record("login", "anna")
    assert log.counts() == {"written": 2, "lost": 0, "failing": 1}


def test_the_journal_gets_fields(tmp_path):
    journal = tmp_path / "journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(journal))
        receiver.settimeout(GUARD_S)
        AuditLog(None, journal=journal).record("login", "anna%s", address="10.0.0.1")
        fields = dict(line.split("=", 1) for line in receiver.recv(10_000).decode().splitlines())
    assert fields["EDGE_EVENT"] == "login"
    assert fields["EDGE_WHO"] == "anna%s"
    assert fields["EDGE_ADDRESS"] == "10.0.0.1"
    assert fields["SYSLOG_IDENTIFIER"] == "edge-enhance"
    assert fields["MESSAGE"] == "audit: event=login who=anna%s address=10.0.0.1"


def test_a_line_that_a_power_cut_left_half_is_left_out(path, tmp_path):
    log = AuditLog(path, journal=tmp_path / "none")
    log.record("login", "anna")
    with path.open("ab") as file:
        file.write(b'{"at": "2026-')
    assert [entry["who"] for _, entry in entries(path)] == ["anna"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_begins_belongs_to_whom_the_folder_above_belongs(path, tmp_path):
    os.chown(tmp_path, 12345, 12345)
    AuditLog(path, journal=tmp_path / "none").record("model-installed", "root")
    assert path.stat().st_uid == path.parent.stat().st_uid == 12345


@pytest.mark.parametrize(
    ("user", "logged_in", "sudo_user", "expected"),
    [
        (0, b"4294967295", "", "root"),
        (0, b"4294967295", "anna", "anna (sudo)"),
        (0, b"65534", "anna", "nobody (sudo)"),
        (0, b"0", "", "root"),
        (65534, b"0", "anna", "nobody"),
    ],
    ids=["root", "sudo", "the kernel knows better", "root logged in", "no root says whom it likes"],
)
def test_who_runs_a_command_is_whom_the_system_knows(monkeypatch, user, logged_in, sudo_user, expected):
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("SUDO_USER", sudo_user)
    monkeypatch.setattr(os, "getuid", lambda: user)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(audit.Path, "read_text", lambda path, encoding: logged_in.decode())
    assert audit.who_runs() == expected
