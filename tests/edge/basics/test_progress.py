"""What long work says of itself."""

import io
import sys
import threading
from types import SimpleNamespace

import pytest

from edge.basics.progress import progress, told_if_long


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "shown", "hidden"),
    [
        pytest.param(Terminal, ["judging", "/2"], "done in", id="terminal"),
        pytest.param(io.StringIO, ["judging: 2 pictures\n", "judging: done in 0 s\n"], "/2", id="file"),
    ],
)
def test_a_bar_on_a_terminal_and_two_lines_elsewhere(monkeypatch, stream, shown, hidden):
    err = stream()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr("edge.basics.progress.time", SimpleNamespace(monotonic=lambda: 5.0))
    with progress("judging", 2) as tick:
        for _ in range(2):
            tick()
    assert all(words in err.getvalue() for words in shown) and hidden not in err.getvalue()


def test_work_that_fails_says_no_end(capsys):
    with pytest.raises(ValueError, match="half way"), progress("judging", 2):
        raise ValueError("half way")
    assert capsys.readouterr().err == "judging: 2 pictures\n"


@pytest.mark.parametrize(("took_s", "said"), [(1.9, False), (2.1, True)], ids=["quick", "long"])
def test_work_that_is_done_at_once_says_nothing_where_that_is_wanted(monkeypatch, capsys, took_s, said):
    clock = iter([0.0, 0.0, took_s, took_s, took_s])
    monkeypatch.setattr("edge.basics.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with progress("looking", 2, after_s=2) as tick:
        tick()
    assert capsys.readouterr().err == ("looking: 2 pictures\nlooking: done in 2 s\n" if said else "")


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


def test_short_work_is_not_told(capsys, monkeypatch):
    begun = []

    class InTime(threading.Timer):
        """Its time is over as soon as the work is done."""

        def start(self):
            begun.append(self)

    monkeypatch.setattr(threading, "Timer", InTime)
    with told_if_long("the engine opens"):
        pass
    (timer,) = begun
    timer.run()
    assert capsys.readouterr().err == ""
