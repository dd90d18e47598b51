"""The installation into a root that somebody else filled: no link is followed, and nothing waits."""

import json
import os
from pathlib import Path

import pytest

from edge.cli import main
from edge.models.profile import load_profile
from edge.models.trust import vouched
from edge.service.files import RECORD_PATH
from edge.updates.store import ModelStore
from tests.edge.basics.test_folders import not_plain
from tests.edge.service.test_install import PROGRAM, Done, tree
from tests.edge.updates.test_store import bundle  # noqa: F401  a fixture
from tests.edge.updates.test_store import install as put_in_use


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def run(capsys):
    def run(*args):
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return run


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    for name in ("systemd/system", "edge-enhance", "sysusers.d"):
        (folder / name).mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", ["etc", "etc/edge-enhance", "etc/systemd", "etc/systemd/system"])
@pytest.mark.parametrize("is_absolute", [True, False])
def test_no_link_in_the_root_is_followed(root, elsewhere, run, name, is_absolute):
    link = root / name
    link.parent.mkdir(parents=True, exist_ok=True)
    target = elsewhere / name.removeprefix("etc").strip("/")
    target.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target if is_absolute else os.path.relpath(target, link.parent))
    before = tree(elsewhere)
    done = run("install-service", "--program", PROGRAM, "--root", root)
    assert (done.returncode, "is a link, expected a folder" in done.stderr) == (74, True), done
    assert len(done.stderr.splitlines()) == 1
    run("uninstall-service", "--root", root)
    assert tree(elsewhere) == before


@not_plain
def test_whatever_bears_a_temporary_name_is_replaced_and_not_followed(root, run, make):
    (root / "etc/edge-enhance").mkdir(parents=True)
    victim = root / "etc/edge-enhance/victim"
    victim.write_text("x")
    make(root / "etc/edge-enhance/.edge.toml.edge.part")
    done = run("install-service", "--program", PROGRAM, "--root", root)
    assert done.returncode == (74 if make is Path.mkdir else 0), done.stderr
    assert victim.read_text() == "x"


@not_plain
@pytest.mark.parametrize("name", ["etc/edge-enhance/edge.toml", "etc/edge-enhance/installed.json", "etc/passwd"])
def test_what_is_no_file_in_a_files_place_is_told_and_not_waited_for(root, run, make, name):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    make(root / name)
    done = run("install-service", "--program", PROGRAM, "--root", root)
    assert done.returncode == 74 and "expected a plain file" in done.stderr, done
    assert os.path.lexists(root / name)


@pytest.mark.parametrize("path", ["/etc/../../victim", "/../victim", "victim", "/etc/./x", 5])
def test_a_record_that_leads_out_of_the_root_removes_nothing(root, run, path, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"x")
    record = root / RECORD_PATH.relative_to("/")
    record.parent.mkdir(parents=True)
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"
    record.write_text(json.dumps({"sha256": {path: digest}, "folders": [path], "has_user": False}))
    if path == 5:
        record.write_text(json.dumps({"sha256": {}, "folders": [path], "has_user": False}))
    done = run("uninstall-service", "--root", root)
    assert done.returncode == 74 and "no record of an installation" in done.stderr and victim.exists()


def test_what_was_installed_before_models_were_signed_stays_in_use(root, run, bundle):  # noqa: F811
    models = root / "var/lib/edge-enhance/models"
    put_in_use(ModelStore(models), *bundle("1"))
    command = ("install-service", "--program", PROGRAM, "--root", root)
    out = run(*command).stdout
    assert "installed before models were signed" in out
    assert str(root) not in out.split("accepted")[1].splitlines()[0]
    profile = load_profile("live", (models,))
    assert vouched(profile, str(root / "etc/edge-enhance/keys")) == "unsigned, accepted by hand"
    assert "installed before" not in run(*command).stdout, "later ones must be signed"
