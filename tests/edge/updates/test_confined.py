"""A child with limits: whatever it does, it ends in time, and so does what it started."""

import os
import time
from pathlib import Path

import pytest

from edge.basics.errors import ModelError
from edge.updates.confined import Confined, Limits

CHILD = "tests.doubles.confined_child"


def said(do, seconds=30.0, memory_bytes=1 << 30):
    with Confined(CHILD, Limits(seconds, memory_bytes)) as confined:
        pid = confined._process.pid
        try:
            with Path(os.devnull).open() as file:
                return list(confined.said({"do": do}, (file.fileno(),)))
        finally:
            confined.close()
            assert not Path(f"/proc/{pid}").exists() and not session_of(pid), "nothing of it is left"


def session_of(leader):
    found = []
    for name in filter(str.isdigit, (path.name for path in Path("/proc").iterdir())):
        try:
            state, _, _, session = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state not in "ZX":
            found.append(int(name))
    return found


def test_it_has_a_clean_place_of_its_own(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("PYTHONSTARTUP", "/evil.py")
    told, fds = said("tell")
    assert not {"SECRET", "PYTHONSTARTUP"} & set(told["environment"]) and told["session"] and told["cwd"] == "/"
    assert all(place.startswith("/") for place in told["path"])
    assert fds["fds"] <= 6, "its three, the line, the folder, and the one that lists them"


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("hang", "not through after 2 s"),
        ("hang_in_a_child", "not through after 2 s"),
        ("spin", "not through after 2 s"),
        ("crash", "SIGSEGV"),
        ("fail", "exit code 3"),
        ("babble", "too much|said 'xxx"),
        ("babble_one_line", "too much"),
        ("say_control_characters", r"said '\\\\x1b\]0;evil\\\\x07'"),
    ],
)
def test_what_it_does_is_told_and_it_is_gone(do, message):
    with pytest.raises(ModelError, match=message):
        said(do, seconds=2.0 if "after" in message else 30.0)


def test_one_that_takes_memory_is_ended():
    with pytest.raises(ModelError, match=r"more than 0\.2 GiB"):
        said("take_memory", memory_bytes=200 << 20)


def test_one_that_closes_its_line_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("edge.updates.confined.LONGEST_END_S", 0.5)
    assert said("close") == []


def test_one_without_an_order_ends_by_itself():
    confined = Confined("edge.updates.prove_process", Limits(30, 1 << 30))
    confined._line.close()
    assert confined._process.wait(60) == 0
    confined.close()


def test_ctrl_c_takes_it_along():
    confined = Confined(CHILD, Limits(60, 1 << 30))
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), confined, Path(os.devnull).open() as file:
        for _ in confined.said({"do": "tell"}, (file.fileno(),)):
            raise KeyboardInterrupt
    assert time.monotonic() - begin < 50 and not session_of(confined._process.pid)
