"""What somebody else put among the models: it is left and told, leads nowhere, and nothing waits for it."""

import os
import subprocess
from pathlib import Path

import pytest

from edge.basics.errors import InputOutputError, ModelError
from edge.updates.store import ModelStore
from tests.edge.basics.test_folders import make_dangling, make_link, make_loop, not_plain
from tests.edge.updates.test_store import bundle, install, version_in_use  # noqa: F401  a fixture

NAME = "live-0123456789abcdef"


@pytest.fixture
def store(tmp_path, bundle):  # noqa: F811
    made = ModelStore(tmp_path / "models")
    install(made, *bundle("1"))
    return made


@pytest.fixture
def versions(store):
    return store.root / "versions"


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def victim(tmp_path):
    """A folder of somebody's that looks like a store's."""
    folder = tmp_path / "victim"
    (folder / NAME).mkdir(parents=True)
    (folder / NAME / "bundle.json").write_bytes(b"{}")
    (folder / "photos").mkdir()
    (folder / "photos" / "cat.png").write_bytes(b"")
    return folder


@pytest.mark.parametrize("make", ["link", "relative link", "dangling", "loop", "file", "pipe"])
def test_a_folder_of_versions_that_is_none_is_not_entered(store, versions, victim, bundle, make, tmp_path):  # noqa: F811
    versions.rename(tmp_path / "away")
    before = files_below(victim)
    makers = {
        "link": lambda: versions.symlink_to(victim),
        "relative link": lambda: versions.symlink_to("../victim"),
        "dangling": lambda: make_dangling(versions),
        "loop": lambda: make_loop(versions),
        "file": lambda: versions.write_bytes(b""),
        "pipe": lambda: os.mkfifo(versions),
    }
    makers[make]()
    assert store.remove_leftovers().removed == []
    with pytest.raises(InputOutputError, match="expected a folder"):
        install(store, *bundle("2"))
    assert files_below(victim) == before


UNRELATED = ["photos", "live", "Live-0123456789abcdef", "live-0123456789ABCDEF", "live-0123", "x\ny", ".hidden", "-"]


@pytest.mark.parametrize("name", [*UNRELATED, NAME, f".{NAME}.edge.part", f".{NAME}.damaged.edge.part", ".x.edge.part"])
def test_an_unrelated_folder_among_the_versions_stays_and_is_told(store, versions, name):
    (versions / name).mkdir()
    (versions / name / "cat.png").write_bytes(b"")
    for _ in range(2):
        pruned = store.remove_leftovers()
        assert not pruned.removed and len(pruned.left) == 1
        assert (versions / name / "cat.png").exists()


@pytest.mark.parametrize("name", UNRELATED)
def test_a_bundle_json_alone_makes_no_version(store, versions, name):
    (versions / name).mkdir()
    (versions / name / "bundle.json").write_bytes(b"{}")
    assert not store.remove_leftovers().removed and (versions / name / "bundle.json").exists()


@not_plain
@pytest.mark.parametrize("name", ["cat", NAME, f".{NAME}.edge.part"])
def test_whatever_lies_among_the_versions_stays_and_is_told(store, versions, name, make, victim):
    if make is Path.mkdir:
        pytest.skip("a folder is another test")
    make(versions / name)
    pruned = store.remove_leftovers()
    assert not pruned.removed and name in pruned.left[0] and os.path.lexists(versions / name)


@not_plain
@pytest.mark.parametrize("name", [".live.edge.part", ".x.edge.part"])
def test_only_a_link_goes_at_a_temporary_name_of_the_link_in_use(store, name, make):
    make(store.root / name)
    pruned = store.remove_leftovers()
    assert os.path.lexists(store.root / name) == (make not in (make_link, make_dangling, make_loop))
    assert len(pruned.removed) + len(pruned.left) == 1


@not_plain
def test_a_lock_that_is_no_file_is_told_and_not_waited_for(store, versions, make, bundle):  # noqa: F811
    (versions / ".lock").unlink()
    make(versions / ".lock")
    with pytest.raises(InputOutputError, match="expected a plain file"):
        install(store, *bundle("2"))
    assert store.remove_leftovers().removed == [] and version_in_use(store.root) == "1"


@pytest.mark.parametrize("target", ["/etc", "../victim", "versions/../../victim", "versions", "versions/", f"x/{NAME}"])
def test_a_link_that_names_no_version_is_no_profile_of_the_store(store, victim, target, bundle):  # noqa: F811
    (store.root / "live").unlink()
    (store.root / "live").symlink_to(target)
    before = files_below(victim)
    with pytest.raises(ModelError, match="by hand"):
        install(store, *bundle("2"))
    assert files_below(victim) == before


@pytest.mark.parametrize("target", ["../../../victim", "/etc", "..", "../photos", "x"])
def test_a_previous_version_that_is_none_is_none(store, versions, victim, target):
    folder = versions / store.in_use("live")
    (folder / "previous").symlink_to(target)
    assert store.previous_of(folder.name) == ""
    store.remove_leftovers()
    assert (victim / "photos" / "cat.png").exists()


@not_plain
def test_a_name_that_is_taken_refuses_the_bundle_and_stays(store, versions, make, bundle, tmp_path):  # noqa: F811
    from edge.models.bundle_file import opened_bundle

    path, digest = bundle("2")
    with opened_bundle(path) as opened:
        part = versions / f".{opened.contents.name}.edge.part"
    make(part)
    if make is Path.mkdir:
        (part / "cat.png").write_bytes(b"")
    with pytest.raises(InputOutputError, match="exists"):
        install(store, path, digest)
    assert os.path.lexists(part) and (make is not Path.mkdir or (part / "cat.png").exists())
    assert version_in_use(store.root) == "1"


def test_a_version_in_which_a_file_is_a_pipe_is_damaged_and_not_waited_for(store, versions):
    name = store.in_use("live")
    for file in ("model.onnx", "model.json", "bundle.json"):
        (versions / name / file).unlink()
        os.mkfifo(versions / name / file)
        with pytest.raises(ModelError, match=r"expected a plain file|not what was installed"):
            store.checked(name)
        with pytest.raises(ModelError):
            version_in_use(store.root)


def test_a_version_with_a_file_that_is_all_holes_is_damaged_at_once(store, versions):
    name = store.in_use("live")
    os.truncate(versions / name / "model.onnx", 1 << 42)
    with pytest.raises(ModelError, match="not what was installed"):
        store.checked(name)
    with pytest.raises(ModelError, match="has more than"):
        version_in_use(store.root)


def test_a_plan_that_came_otherwise_damages_the_version(store, versions):
    name = store.in_use("live")
    (versions / name / "engines").mkdir()
    (versions / name / "engines" / "live-0123456789abcdef.plan").write_bytes(b"code")
    with pytest.raises(ModelError, match="did not come with its bundle"):
        store.checked(name)


def test_what_cannot_be_removed_is_told_and_stops_nothing(store, versions, bundle):  # noqa: F811
    (versions / NAME).mkdir()
    (versions / NAME / "bundle.json").write_bytes(b"{}")
    done = subprocess.run(["chattr", "+i", versions / NAME / "bundle.json"], capture_output=True)
    if done.returncode:
        pytest.skip("files cannot be made immutable here")
    try:
        assert "bundle.json: Operation not permitted" in store.remove_leftovers().left[0]
        install(store, *bundle("2"))
        assert version_in_use(store.root) == "2"
    finally:
        for path in versions.rglob("bundle.json"):
            subprocess.run(["chattr", "-i", path], check=True)
