"""The commands of each page work one after the other in a checkout of its own; docs/contributor.md has the rule."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, blocks_in
from tests.docs.running import checkout, is_fast, ran

WALKS = {page: blocks for page in PAGES if (blocks := [block for block in blocks_in(page) if not block.why_not])}


def marks(page: Path) -> list[pytest.MarkDecorator]:
    return [] if is_fast(WALKS[page]) else [pytest.mark.slow]


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name, marks=marks(page)) for page in WALKS])
def test_the_commands_of_a_page_work_one_after_the_other(page, tmp_path):
    folder = checkout(tmp_path / "checkout")
    for block in WALKS[page]:
        for statement in block.to_run():
            done = ran(statement, folder)
            assert done.code == 0, f"{block.name}: {statement}: exit {done.code}: {done.said[-2000:]}"


def test_a_command_that_fails_or_never_ends_is_told(tmp_path):
    assert ran("echo a; false", tmp_path).code == 1
    assert ran("echo $HOME", tmp_path).said.strip() == str(tmp_path / "home")
    with pytest.raises(subprocess.TimeoutExpired):
        ran("sleep 30", tmp_path, longest_s=0.5)
    with pytest.raises(AssertionError, match="it ended"):
        ran("echo --live", tmp_path)


SERVE = "python -m http.server -b 127.0.0.1 0 2>&1  # --live"


def test_what_goes_on_is_looked_at_and_ended_by_ctrl_c(tmp_path):
    done = ran(SERVE, tmp_path)
    assert done.code == 0
    assert "200" in done.said and "KeyboardInterrupt" not in done.said.replace("Keyboard interrupt received", "")


def test_the_checkout_has_what_is_tracked_and_its_environments_are_ready(tmp_path):
    folder = checkout(tmp_path / "checkout")
    assert (folder / "README.md").read_bytes()
    done = ran("make -n live && .venv/bin/python -c 'import numpy'", folder)
    assert done.code == 0 and "Making" not in done.said, done.said
