"""Folders held open: what another user puts there leads nowhere, and nothing waits."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from edge.basics.folders import open_folder, open_plain, owner_of
from edge.basics.walk import NotPlain
from edge.basics.whole_files import file_sha256, part_of, write_together, write_whole

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
OTHER = 54321
"""A user whom no machine has."""


def make_link(path):
    path.symlink_to(path.parent / "victim")


def make_dangling(path):
    path.symlink_to(path.parent / "none")


def make_loop(path):
    path.symlink_to(path.name)


def make_socket(path):
    os.mknod(path, stat.S_IFSOCK | 0o666)


def make_device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices cannot be made here")


NOT_PLAIN = {
    "a link": make_link,
    "a dangling link": make_dangling,
    "a loop of links": make_loop,
    "a named pipe": os.mkfifo,
    "a socket": make_socket,
    "a device": make_device,
    "a folder": Path.mkdir,
}
not_plain = pytest.mark.parametrize("make", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "victim"
    path.write_bytes(b"of another")
    return path


@not_plain
def test_what_is_no_plain_file_is_not_opened_and_not_waited_for(tmp_path, victim, make):
    make(tmp_path / "x")
    with open_folder(tmp_path) as folder:
        with pytest.raises(NotPlain, match="expected a plain file"):
            folder.open("x")
        assert not folder.is_file("x")


@pytest.mark.parametrize("make", [os.mkfifo, make_socket, make_device, Path.mkdir])
def test_what_a_person_names_is_not_waited_for_either(tmp_path, make):
    make(tmp_path / "x")
    for read in (open_plain, file_sha256):
        with pytest.raises(NotPlain, match="expected a plain file"):
            read(tmp_path / "x")


@not_plain
def test_a_file_is_written_beside_whatever_bears_its_temporary_name(tmp_path, victim, make):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "victim").symlink_to(victim)
    make(part_of(folder / "file"))
    if make is Path.mkdir:
        with pytest.raises(OSError):
            write_whole(folder / "file", b"new")
    else:
        write_whole(folder / "file", b"new")
        assert (folder / "file").read_bytes() == b"new" and not (folder / "file").is_symlink()
    assert victim.read_bytes() == b"of another" and not (folder / "none").exists()


@not_plain
def test_a_file_takes_the_place_of_whatever_bears_its_name(tmp_path, victim, make):
    make(tmp_path / "file")
    if make is Path.mkdir:
        with pytest.raises(OSError):
            write_whole(tmp_path / "file", b"new")
    else:
        write_whole(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"new"
    assert victim.read_bytes() == b"of another"


def test_a_second_name_of_another_file_is_never_written_into(tmp_path, victim):
    os.link(victim, part_of(tmp_path / "file"))
    write_together({tmp_path / "file": b"new"})
    assert victim.read_bytes() == b"of another" and (tmp_path / "file").read_bytes() == b"new"


@as_root
def test_root_does_not_wait_for_a_lock_for_ever(tmp_path, monkeypatch):
    import fcntl

    monkeypatch.setattr("edge.basics.whole_files.ROOT_WAITS_S", 0.2)
    part = part_of(tmp_path / "file")
    part.write_bytes(b"")
    with part.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another program writes it now"):
            write_whole(tmp_path / "file", b"new")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b"])
def test_a_name_is_one_word(tmp_path, name):
    with open_folder(tmp_path) as folder:
        for use in (folder.about, folder.open, folder.unlink, folder.folder, lambda one: folder.rename("x", one)):
            (tmp_path / "x").write_bytes(b"")
            with pytest.raises(ValueError, match="no name"):
                use(name)


def test_a_folder_that_is_moved_away_is_still_the_one_that_was_opened(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with open_folder(tmp_path / "a") as folder:
        (tmp_path / "a").rename(tmp_path / "c")
        (tmp_path / "a").symlink_to(tmp_path / "b")
        folder.create("x", 0o640).close()
    assert (tmp_path / "c" / "x").exists() and not list((tmp_path / "b").iterdir())


def owned(path, uid=OTHER):
    os.chown(path, uid, uid, follow_symlinks=False)
    return path


@as_root
@pytest.mark.parametrize("where", ["in another's folder", "another's, in root's folder"])
@pytest.mark.parametrize("target", ["absolute", "relative", "back up"])
def test_root_follows_no_link_that_another_can_set(tmp_path, where, target):
    goal = tmp_path / "goal"
    goal.mkdir()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    link = theirs / "models"
    link.symlink_to({"absolute": goal, "relative": "../goal", "back up": "../theirs/../goal"}[target])
    if where == "in another's folder":
        owned(theirs)  # root's own link there: whose folder it is can rename it
    else:
        owned(link)
    for path in (link, link / "versions"):
        with pytest.raises(NotPlain, match="a link that another user can set"):
            open_folder(path, 0o755)
        with pytest.raises(NotPlain, match="a link that another user can set"):
            owner_of(path)
    assert not list(goal.iterdir())


@as_root
def test_root_follows_its_own_links_and_enters_others_folders(tmp_path):
    goal = owned(tmp_path / "goal", OTHER) if (tmp_path / "goal").mkdir() is None else None
    (tmp_path / "link").symlink_to("goal")
    with open_folder(tmp_path / "link" / "a" / "b", 0o750) as folder:
        assert folder.path.name == "b"
    assert (goal / "a" / "b").is_dir() and owner_of(tmp_path / "link").st_uid == OTHER
    assert owner_of(goal / "a" / "none" / "at" / "all").st_uid == 0


@as_root
def test_others_follow_what_they_like(tmp_path):
    (tmp_path / "goal").mkdir()
    link = tmp_path / "link"
    link.symlink_to("goal")
    owned(link)
    tmp_path.chmod(0o755)
    at = os.open(tmp_path, os.O_PATH)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.fchdir(at)
            os.setresuid(OTHER, OTHER, OTHER)
            open_folder(Path("link")).close()
            code = 0
        finally:
            os._exit(code)
    os.close(at)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_loop_of_links_ends(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError) as caught:
        open_folder(tmp_path / "a")
    assert caught.value.errno == errno.ELOOP


def test_only_as_deep_as_this_program_makes_is_removed(tmp_path):
    deep = tmp_path / "x" / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"")
    with open_folder(tmp_path) as folder, pytest.raises(OSError, match="more folders in it"):
        folder.remove_folder("x")
    assert (deep / "file").exists()


def test_removing_follows_no_link(tmp_path, victim):
    inside = tmp_path / "x"
    inside.mkdir()
    (inside / "folder").symlink_to(tmp_path / "goal")
    (inside / "file").symlink_to(victim)
    (tmp_path / "goal").mkdir()
    (tmp_path / "goal" / "kept").write_bytes(b"")
    with open_folder(tmp_path) as folder:
        folder.remove_folder("x")
    assert not inside.exists() and victim.exists() and (tmp_path / "goal" / "kept").exists()


def test_links_that_are_swapped_meanwhile_lead_nowhere(tmp_path, victim):
    """One thread exchanges a name between a folder and a link all the time; the other writes below it."""
    goal = tmp_path / "goal"
    goal.mkdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(goal)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for name in ("link", "real"):
                (tmp_path / name).rename(tmp_path / "at")
                (tmp_path / "at").rename(tmp_path / name)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        with open_folder(tmp_path) as folder:
            for number in range(2000):
                try:
                    with folder.folder("at") as inner:
                        inner.create(f"{number}", 0o640).close()
                except OSError:
                    continue
    finally:
        stop.set()
        thread.join()
    assert not list(goal.iterdir())
