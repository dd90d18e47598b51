"""`edge-enhance user` and `edge-enhance audit`, as a person runs them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from edge.access.passwords import matches
from edge.access.people import read_people
from edge.access.tokens import sha256_of
from tests.doubles.waiting import GUARD_S

PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path):
    config = tmp_path / "edge.toml"
    config.write_text(f'web.users = "{tmp_path}/etc/users.toml"\naudit.file = "{tmp_path}/audit/audit.jsonl"\n')

    def command(*words, stdin=""):
        return subprocess.run(
            [sys.executable, "-m", "edge.cli", *words, "--config", str(config)],
            input=stdin, capture_output=True, text=True, timeout=GUARD_S,
        )  # fmt: skip

    return command


@pytest.fixture
def path(tmp_path):
    return tmp_path / "etc" / "users.toml"


@pytest.mark.slow
def test_a_user_from_beginning_to_end(run, path, tmp_path):
    done = run("user", "add", "anna", "--role", "operator", stdin=f"{PASSWORD}\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "added: anna, operator\n", "")
    assert matches(read_people(path).users["anna"].password, PASSWORD)
    again = run("user", "add", "anna", "--role", "admin", stdin=f"{PASSWORD}\n")
    assert again.returncode == 2 and "there already" in again.stderr
    assert run("user", "passwd", "anna", stdin="another good one\n").returncode == 0
    assert matches(read_people(path).users["anna"].password, "another good one")
    assert run("user", "list").stdout == "anna: operator\n"
    assert run("user", "remove", "anna").returncode == 0
    assert run("user", "list").stdout == "nobody\n"
    assert run("user", "remove", "anna").returncode == 2
    lines = (tmp_path / "audit" / "audit.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [(one["event"], one["name"]) for one in events] == [
        ("user-added", "anna"), ("user-password", "anna"), ("user-removed", "anna"),
    ]  # fmt: skip
    assert PASSWORD not in "".join(lines)
    shown = run("audit", "--event", "user-added")
    assert shown.stdout.count("\n") == 1 and "name=anna role=operator" in shown.stdout
    assert run("audit", "--who", "nobody").stdout == ""
    assert "nothing of 'rooot'" in (told := run("audit", "--who", "rooot").stderr) and "did you mean 'root'?" in told
    assert run("audit", "--since", "2020-01-01T00:00:00+00:00", "--json").stdout.splitlines() == lines
    assert run("audit", "--since", "yesterday").returncode == 2


def test_a_token_is_shown_once_and_only_its_hash_is_kept(run, path):
    done = run("user", "token", "wall", "--role", "viewer", "--days", "90")
    token = done.stdout.strip()
    assert token.startswith("edgetoken_") and len(token) > 50
    assert token not in path.read_text()
    assert read_people(path).tokens["wall"].sha256 == sha256_of(token)
    assert run("user", "list").stdout.startswith("token wall: viewer, until 2")
    assert "did you mean 'wall'?" in run("user", "remove", "wal", "--token").stderr
    assert run("user", "remove", "wall", "--token").returncode == 0
    assert read_people(path).tokens == {}


@pytest.mark.parametrize(
    ("words", "stdin", "why"),
    [
        (("add", "anna", "--role", "operator"), "short\n", "expected 12 to 256 characters"),
        (("add", "anna", "--role", "operator"), "", "expected 12 to 256 characters"),
        (("add", "anna", "--role", "operator"), "x" * 1_000_000, "expected 12 to 256 characters"),
        (("add", "a\x1bb", "--role", "operator"), f"{PASSWORD}\n", "expected 1 to 64 letters"),
        (("passwd", "nobody"), f"{PASSWORD}\n", "is not there"),
        (("token", "wall", "--role", "viewer", "--days", "0"), "", "expected 1 to 3650"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(run, path, words, stdin, why):
    done = run("user", *words, stdin=stdin)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.strip().isprintable()
    assert not path.exists()


def test_a_password_is_no_word_of_the_command_line(run):
    done = run("user", "add", "anna", PASSWORD, "--role", "admin")
    assert done.returncode == 2
    assert "unrecognized arguments" in done.stderr
    assert "--password" not in run("user", "add", "--help").stdout


def test_at_a_terminal_it_is_asked_for_twice_without_echo(tmp_path):
    path = tmp_path / "users.toml"
    config = tmp_path / "edge.toml"
    config.write_text("")
    pid, terminal = pty.fork()
    if pid == 0:
        words = ["user", "add", "anna", "--role", "admin", "--users", str(path), "--config", str(config)]
        os.execv(sys.executable, [sys.executable, "-m", "edge.cli", *words])
    seen = b""
    for prompt in (b"Password for anna: ", b"The same again: "):
        while not seen.endswith(prompt):
            seen += os.read(terminal, 1)
        os.write(terminal, PASSWORD.encode() + b"\n")
    try:
        while chunk := os.read(terminal, 1000):
            seen += chunk
    except OSError:
        pass  # the terminal closes with its program
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert PASSWORD.encode() not in seen
    assert matches(read_people(path).users["anna"].password, PASSWORD)


def test_commands_at_once_lose_nobody(tmp_path):
    path = tmp_path / "users.toml"
    code = (
        "import sys; from edge.access.user_command import main; "
        "sys.exit(main(['token', sys.argv[1], '--role', 'viewer', '--users', sys.argv[2], '--config', sys.argv[3]]))"
    )
    (tmp_path / "edge.toml").write_text("")
    words = [sys.executable, "-c", code]
    started = [
        subprocess.Popen([*words, f"t{number}", str(path), str(tmp_path / "edge.toml")], stdout=subprocess.DEVNULL)
        for number in range(6)
    ]
    assert [one.wait(GUARD_S) for one in started] == [0] * 6
    assert sorted(read_people(path).tokens) == [f"t{number}" for number in range(6)]


def test_a_users_file_that_others_can_read_is_not_added_to(run, path):
    path.parent.mkdir()
    path.write_text("")
    Path(path).chmod(0o644)
    done = run("user", "add", "anna", "--role", "admin", stdin=f"{PASSWORD}\n")
    assert done.returncode == 78
    assert "chmod 0640" in done.stderr
