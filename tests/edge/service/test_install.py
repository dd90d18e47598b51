"""The installation into the root of a system that does not run, and its undoing."""

import json
import os
import subprocess
import sys

import pytest

from edge.errors import UsageError
from edge.service.files import CONFIG_PATH, RECORD_PATH, UNIT_PATH, check_reachable, service_files

PROGRAM = "/opt/edge-enhance/bin/edge-enhance"


def run(*args, **options):
    command = [sys.executable, "-m", "edge.cli", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def install(root, program=PROGRAM, *options):
    done = run("install-service", "--root", root, "--program", program, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def uninstall(root):
    done = run("uninstall-service", "--root", root)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tree(root):
    return {str(path.relative_to(root)): path.is_file() and path.read_bytes() for path in root.rglob("*")}


@pytest.fixture
def root(tmp_path):
    """A root with something in it, as a real one has."""
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/bash\n")
    return tmp_path


def test_everything_is_installed_and_what_is_left_to_run_is_said(root):
    told = install(root)
    for file in service_files(PROGRAM):
        path = root / file.path.relative_to("/")
        assert path.read_bytes() == file.content
        assert path.stat().st_mode & 0o777 == 0o644
        assert f"new        {file.path}" in told
    for command in ("systemd-sysusers", "udevadm control --reload", "systemctl daemon-reload", "systemctl enable"):
        assert command in told


def test_the_service_can_read_it_whatever_the_umask(root):
    done = run("install-service", "--root", root, "--program", PROGRAM, umask=0o077)
    assert done.returncode == 0
    assert (root / "etc/edge-enhance/edge.toml").stat().st_mode & 0o777 == 0o644
    assert (root / "etc/edge-enhance").stat().st_mode & 0o777 == 0o755


def test_uninstall_takes_all_of_it_and_nothing_else(root):
    before = tree(root)
    install(root)
    assert tree(root) != before
    uninstall(root)
    assert tree(root) == before
    assert "nothing to do" in uninstall(root)


def test_dry_run_shows_every_file_and_command_and_changes_nothing(root):
    before = tree(root)
    told = install(root, PROGRAM, "--dry-run")
    assert tree(root) == before
    for file in service_files(PROGRAM):
        assert f"{file.path} (new)\n" in told
        assert file.content.decode() in told
    assert "$ systemctl enable edge-enhance.service" in told


def test_again_changes_nothing_and_another_program_replaces_the_unit(root):
    install(root)
    before = tree(root)
    assert install(root).count("unchanged") == 4
    assert tree(root) == before
    told = install(root, "/opt/newer/bin/edge-enhance")
    assert f"replaced   {UNIT_PATH}" in told
    assert "ExecStart=/opt/newer/bin/edge-enhance --live" in (root / UNIT_PATH.relative_to("/")).read_text()


@pytest.mark.parametrize("path", [CONFIG_PATH, UNIT_PATH], ids=["configuration", "unit"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_user_wrote_is_never_changed_or_removed(root, path, when):
    own, new = root / path.relative_to("/"), root / f"{path.relative_to('/')}.new"
    if when == "after":
        install(root)
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("# mine\n")
    told = install(root, "/opt/newer/bin/edge-enhance")
    assert f"kept       {path}" in told and f"{path}.new" in told
    assert own.read_text() == "# mine\n"
    assert new.exists()
    uninstall(root)
    assert own.read_text() == "# mine\n"
    assert not new.exists()


def test_a_file_that_was_there_already_stays(root):
    rule = service_files(PROGRAM)[1]
    path = root / rule.path.relative_to("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(rule.content)
    install(root)
    uninstall(root)
    assert path.exists()


def test_pictures_stay_and_so_does_the_user_who_owns_them(root):
    install(root)
    picture = root / "var/lib/edge-enhance/pictures/throat.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"png")
    told = uninstall(root)
    assert picture.exists()
    assert "kept       /var/lib/edge-enhance" in told and "userdel" not in told


@pytest.mark.parametrize("had", [False, True], ids=["made by the installation", "there before"])
def test_the_user_goes_where_the_installation_made_it(root, had):
    if had:
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nedge-enhance:x:990:990::/:/bin/sh\n")
    install(root)
    assert ("userdel edge-enhance" in uninstall(root)) is not had


ROWS = [
    pytest.param(["--root", "{}/none"], 2, "{}/none", id="no such root"),
    pytest.param(["--root", "{}", "--program", "/home/a/bin/edge-enhance"], 2, "/home", id="in a home"),
    pytest.param(["--root", "{}", "--program", "/tmp/bin/edge-enhance"], 2, "/tmp", id="in /tmp"),
    pytest.param(["--root", "{}", "--program", "bin/edge-enhance"], 2, "absolute", id="relative"),
    pytest.param(["--root", "{}", "--program", "/opt/my edge/bin/x"], 2, "/opt/my edge", id="blank in the path"),
    pytest.param(["--root", "{}/blocked", "--program", PROGRAM], 74, "{}/blocked/etc", id="a file in the way"),
]


@pytest.mark.parametrize(("args", "code", "told"), ROWS)
def test_what_cannot_be_is_told_in_one_line(root, args, code, told):
    (root / "blocked").mkdir()
    (root / "blocked/etc").write_text("")
    before = tree(root)
    done = run("install-service", *[arg.format(root) for arg in args])
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("edge-enhance install-service: ") and told.format(root) in line
    assert tree(root) == before


def test_a_damaged_record_is_told(root):
    install(root)
    (root / RECORD_PATH.relative_to("/")).write_text(json.dumps({"sha256": 3}))
    done = run("uninstall-service", "--root", root)
    assert done.returncode == 74
    assert str(RECORD_PATH) in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_without_root_it_says_sudo(root):
    root.chmod(0o755)
    done = run("install-service", "--program", PROGRAM, user=65534)
    assert done.returncode == 74 and "sudo" in done.stderr
    assert not RECORD_PATH.exists()


def test_a_program_that_the_service_sees_is_taken(tmp_path):
    from pathlib import Path

    check_reachable([Path(PROGRAM)])
    with pytest.raises(UsageError, match="/root"):
        check_reachable([Path(PROGRAM), Path("/root/.pyenv/bin/python")])
