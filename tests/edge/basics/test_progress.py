"""Long work is never silent: lines where nobody looks at a terminal, and only where it is long."""

import threading

from edge.basics.progress import EVERY_S, progress, told_if_long


def test_lines_say_how_far_it_is_and_what_is_left(capsys):
    now_s = iter(range(0, 1000, int(EVERY_S)))
    assert list(progress("abcd", "picture", lambda: next(now_s))) == list("abcd")
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "1 of 4 pictures, 60 s left"


def test_short_work_says_nothing(capsys):
    assert list(progress([1, 2, 3], "picture", lambda: 0.0)) == [1, 2, 3]
    with told_if_long("the engine opens"):
        pass
    assert capsys.readouterr().err == ""


def test_work_of_unknown_length_is_told_once_it_is_long(capsys, monkeypatch):
    waited = []

    class AtOnce(threading.Timer):
        def start(self):
            waited.append(self.interval)
            self.function()

    monkeypatch.setattr(threading, "Timer", AtOnce)
    with told_if_long("the engine opens"):
        pass
    assert waited == [2.0] and capsys.readouterr().err == "the engine opens ...\n"
