"""`edge-bridge simulate` takes no name that is in use."""

from __future__ import annotations

import pytest

from firmware_bridge.errors import UsageError
from firmware_bridge.simulate_command import check_name
from tests.firmware_bridge.simulated import simulated


def test_a_name_of_another_simulator_is_refused_and_what_a_killed_one_left_is_taken(tmp_path):
    with simulated(tmp_path / "head"), pytest.raises(UsageError, match="head: in use, it leads to /dev/pts/"):
        check_name(tmp_path / "head")
    (tmp_path / "head").symlink_to("/dev/pts/99999")
    check_name(tmp_path / "head")


def test_files_folders_and_links_of_others_stay(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for name, message in (("file", "is there already"), ("link", "which no simulator made")):
        with pytest.raises(UsageError, match=message):
            check_name(tmp_path / name)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        check_name(tmp_path / "none" / "head")
