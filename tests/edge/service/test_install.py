"""The installation into the root of a system that does not run, and its undoing."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.basics.errors import UsageError
from edge.cli import main
from edge.service.command import _last_words
from edge.service.files import CONFIG_PATH, RECORD_PATH, UNIT_PATH, check_reachable, service_files

PROGRAM = "/opt/edge-enhance/bin/edge-enhance"


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys):
    """The command line, in this process."""

    def run(*args):
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return run


@pytest.fixture
def install(run, root):
    def install(program=PROGRAM, *options):
        done = run("install-service", "--root", root, "--program", program, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return install


@pytest.fixture
def uninstall(run, root):
    def uninstall():
        done = run("uninstall-service", "--root", root)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return uninstall


def tree(root):
    return {str(path.relative_to(root)): path.is_file() and path.read_bytes() for path in root.rglob("*")}


@pytest.fixture
def root(tmp_path):
    """A root with something in it, as a real one has."""
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/bash\n")
    return tmp_path


def test_everything_is_installed_and_what_is_left_to_run_is_said(root, install):
    printed = install()
    for file in service_files(PROGRAM):
        path = root / file.path.relative_to("/")
        assert path.read_bytes() == file.content
        assert path.stat().st_mode & 0o777 == file.mode
        assert f"new        {file.path}" in printed
    for command in ("systemd-sysusers", "udevadm control --reload", "systemctl daemon-reload", "systemctl enable"):
        assert command in printed


def test_the_service_can_read_it_whatever_the_umask(root, install):
    before = os.umask(0o077)
    try:
        install()
    finally:
        os.umask(before)
    assert (root / "etc/edge-enhance/edge.toml").stat().st_mode & 0o777 == 0o640
    assert (root / "etc/edge-enhance").stat().st_mode & 0o777 == 0o755


def test_uninstall_takes_all_of_it_and_nothing_else(root, uninstall, install):
    before = tree(root)
    install()
    assert tree(root) != before
    uninstall()
    assert tree(root) == before
    assert "nothing to do" in uninstall()


def test_dry_run_shows_every_file_and_command_and_changes_nothing(root, install):
    before = tree(root)
    printed = install(PROGRAM, "--dry-run")
    assert tree(root) == before
    for file in service_files(PROGRAM):
        assert f"{file.path} (new)\n" in printed
        assert file.content.decode() in printed
    assert "$ systemctl enable edge-enhance.service" in printed


def test_dry_run_tells_and_warns_where_the_service_could_not_see_the_program(root, run, caplog):
    before, hidden = tree(root), "/home/a/bin/edge-enhance"
    done = run("install-service", "--root", root, "--program", hidden, "--dry-run")
    assert done.returncode == 0 and f"ExecStart={hidden} --live" in done.stdout and tree(root) == before
    (line,) = caplog.messages
    assert line.startswith(f"an installation would be refused: {hidden} lies in /home")


def test_again_changes_nothing_and_another_program_replaces_the_unit(root, install):
    install()
    before = tree(root)
    assert install().count("unchanged") == 6
    assert tree(root) == before
    printed = install("/opt/newer/bin/edge-enhance")
    assert f"replaced   {UNIT_PATH}" in printed
    assert "ExecStart=/opt/newer/bin/edge-enhance --live" in (root / UNIT_PATH.relative_to("/")).read_text()


@pytest.mark.parametrize("path", [CONFIG_PATH, UNIT_PATH], ids=["configuration", "unit"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_user_wrote_is_never_changed_or_removed(root, path, when, uninstall, install):
    own, new = root / path.relative_to("/"), root / f"{path.relative_to('/')}.new"
    if when == "after":
        install()
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("# mine\n")
    printed = install("/opt/newer/bin/edge-enhance")
    assert f"kept       {path}" in printed and f"{path}.new" in printed
    assert own.read_text() == "# mine\n"
    assert new.exists()
    uninstall()
    assert own.read_text() == "# mine\n"
    assert not new.exists()


def test_a_newer_default_configuration_comes_beside_the_one_in_use(root, install, monkeypatch):
    install()
    in_use = (root / CONFIG_PATH.relative_to("/")).read_text()
    monkeypatch.setattr("edge.service.files.default_config", lambda: "# newer\n")
    assert f"kept       {CONFIG_PATH}" in install()
    assert (root / CONFIG_PATH.relative_to("/")).read_text() == in_use
    assert (root / f"{CONFIG_PATH.relative_to('/')}.new").read_text() == "# newer\n"


def test_a_file_that_was_there_already_stays(root, uninstall, install):
    rule = service_files(PROGRAM)[1]
    path = root / rule.path.relative_to("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(rule.content)
    install()
    uninstall()
    assert path.exists()


def test_pictures_stay_and_so_does_the_user_who_owns_them(root, uninstall, install):
    install()
    picture = root / "var/lib/edge-enhance/pictures/throat.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"png")
    printed = uninstall()
    assert picture.exists()
    assert "kept       /var/lib/edge-enhance" in printed and "userdel" not in printed


@pytest.mark.parametrize("had", [False, True], ids=["made by the installation", "there before"])
def test_the_user_goes_where_the_installation_made_it(root, had, uninstall, install):
    if had:
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nedge-enhance:x:990:990::/:/bin/sh\n")
    install()
    assert ("userdel edge-enhance" in uninstall()) is not had


ROWS = [
    pytest.param(
        ["--root", "{}/none", "--program", PROGRAM],
        2,
        "{0}/none: is not a folder; expected one that exists, which mkdir -p makes",
        id="no such root",
    ),
    pytest.param(
        ["--root", "{}/etc/passwd", "--program", "/home/a/x"],
        2,
        "{}/etc/passwd: is not a folder; expected a folder",
        id="root is a file",
    ),
    pytest.param(["--root", "{}", "--program", "/home/a/bin/edge-enhance"], 2, "/home", id="in a home"),
    pytest.param(["--root", "{}", "--program", "/tmp/bin/edge-enhance"], 2, "/tmp", id="in /tmp"),
    pytest.param(["--root", "{}", "--program", "bin/edge-enhance"], 2, "absolute", id="relative"),
    pytest.param(["--root", "{}", "--program", "/opt/my edge/bin/x"], 2, "/opt/my edge", id="blank in the path"),
    pytest.param(["--root", "{}/blocked", "--program", PROGRAM], 74, "{}/blocked/etc", id="a file in the way"),
]


@pytest.mark.parametrize(("args", "code", "message"), ROWS)
def test_what_cannot_be_is_told_in_one_line(root, args, code, message, run):
    (root / "blocked").mkdir()
    (root / "blocked/etc").write_text("")
    before = tree(root)
    done = run("install-service", *[arg.format(root) for arg in args])
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("edge-enhance install-service: ") and message.format(root) in line
    assert tree(root) == before


def test_a_damaged_record_is_told(root, install, run):
    install()
    (root / RECORD_PATH.relative_to("/")).write_text(json.dumps({"sha256": 3}))
    done = run("uninstall-service", "--root", root)
    assert done.returncode == 74
    assert str(RECORD_PATH) in done.stderr


def test_without_root_it_says_sudo(run):
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        done = run("install-service", "--program", PROGRAM)
    finally:
        if was_root:
            os.seteuid(0)
    assert done.returncode == 74
    (line,) = done.stderr.splitlines()
    assert line.startswith("edge-enhance install-service: /etc/") and "sudo" in line
    assert not RECORD_PATH.exists()


def test_help_names_the_commands(capsys):
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "install-service", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "--dry-run" in done.stdout
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "install-service" in capsys.readouterr().out


def test_a_program_that_the_service_sees_is_taken(tmp_path):
    check_reachable([Path(PROGRAM)])
    with pytest.raises(UsageError, match="/root"):
        check_reachable([Path(PROGRAM), Path("/root/.pyenv/bin/python")])


def test_why_a_start_failed_is_the_programs_own_last_line(monkeypatch, tmp_path):
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho 'edge-enhance: edge.toml: not TOML'\necho 'Failed with result'\nexit 3\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert _last_words() == "edge-enhance: edge.toml: not TOML"
