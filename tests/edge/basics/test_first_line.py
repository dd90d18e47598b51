"""The address is the first line; what was said before comes behind it, and nothing is lost."""

import io
import logging

import pytest

from edge.basics.first_line import lines_held_back, say_first

log = logging.getLogger("edge.first")


@pytest.fixture
def written():
    root, stream = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: stream.getvalue().splitlines()
    root.removeHandler(handler)
    root.setLevel(level)


def test_the_first_line_is_the_one_that_is_waited_for(written):
    with lines_held_back() as let_go:
        log.info("the engine opens")
        assert written() == []
        say_first(log, "live on %s", "http://a/")
        let_go()
        assert written() == ["live on http://a/", "the engine opens"]
        log.info("later")
    assert written() == ["live on http://a/", "the engine opens", "later"]


def test_an_end_before_it_loses_nothing(written):
    with pytest.raises(RuntimeError), lines_held_back():
        log.error("no camera")
        raise RuntimeError
    assert written() == ["no camera"]
    log.info("after")
    assert written() == ["no camera", "after"]


def test_with_debug_nothing_is_held(written):
    logging.getLogger().setLevel(logging.DEBUG)
    with lines_held_back():
        log.debug("opens")
        assert written() == ["opens"]
