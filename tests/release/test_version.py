"""A version is a tag's; whatever is not the tagged commit says so in its version."""

import re
import shutil
import subprocess

import pytest

from release.refusal import Refused, output_of
from release.version import is_release, seconds_of_commit, version_of

pytest.importorskip("setuptools_scm", reason="setuptools-scm is not installed (make venv-dev)")
if shutil.which("git") is None:
    pytest.skip("needs git", allow_module_level=True)
ENVIRONMENT = {"GIT_AUTHOR_DATE": "2026-03-01T08:00:00Z", "GIT_COMMITTER_DATE": "2026-03-01T08:00:00Z"}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A repository with one commit; what is in the environment of a build is taken out."""
    monkeypatch.delenv("SETUPTOOLS_SCM_PRETEND_VERSION_FOR_EDGE_ENHANCE", raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "one")
    return tmp_path


def git(tree, *words):
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@invalid")
    subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True)


def commit(tree, content):
    (tree / "file").write_text(content)
    git(tree, "add", "file")
    git(tree, "commit", "--quiet", "--message", content)


def test_a_tagged_commit_is_that_version(tree):
    git(tree, "tag", "v1.2.3")
    assert version_of(tree) == "1.2.3" and is_release("1.2.3")
    assert seconds_of_commit(tree) == 1772352000


def test_before_the_first_tag_it_is_a_dev_version_with_its_commit(tree):
    version = version_of(tree)
    assert re.fullmatch(r"0\.0\.dev1\+g[0-9a-f]{7,}", version) and not is_release(version)


def test_after_a_tag_it_is_on_the_way_to_the_next(tree):
    git(tree, "tag", "v1.2.3")
    commit(tree, "two")
    version = version_of(tree)
    assert re.fullmatch(r"1\.2\.4\.dev1\+g[0-9a-f]{7,}", version) and not is_release(version)


def test_a_changed_file_is_told_with_the_day(tree):
    git(tree, "tag", "v1.2.3")
    (tree / "file").write_text("changed")
    version = version_of(tree)
    assert re.fullmatch(r"1\.2\.4\.dev0\+g[0-9a-f]{7,}\.d\d{8}", version) and not is_release(version)


def test_a_new_file_beside_a_tagged_commit_is_refused(tree):
    git(tree, "tag", "v1.2.3")
    (tree / "new").write_text("not committed")
    with pytest.raises(Refused, match=r"^files beside the commit of v1\.2\.3: \?\? new; commit or ignore them"):
        version_of(tree)


def test_a_new_file_beside_an_untagged_commit_is_refused_too(tree):
    (tree / "other").write_text("new")
    with pytest.raises(Refused, match=r"^files beside the commit of v0\.0\.dev1\+g"):
        version_of(tree)


def test_what_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(Refused, match="is no git checkout"):
        version_of(tmp_path)


def test_a_program_that_is_missing_or_fails_is_named(tmp_path):
    with pytest.raises(Refused, match=r"^no-such-program is not installed"):
        output_of(["no-such-program"], tmp_path)
    with pytest.raises(Refused, match=r"^git no-such-word failed with 1: ") as refused:
        output_of(["git", "no-such-word"], tmp_path)
    assert "\n" not in str(refused.value)
