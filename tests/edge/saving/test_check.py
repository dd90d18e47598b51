"""The line of `--check` about recording."""

from __future__ import annotations

import re

import pytest

from edge.basics.errors import InputOutputError
from edge.clips.program import NoFfmpeg
from edge.config import RecordingConfig, SaveConfig
from edge.saving import check
from edge.saving.check import recording_line


def minutes(line):
    return int(re.search(r"room for about (\d+) minutes", line)[1])


def test_it_names_encoder_views_and_room(tmp_path):
    line = recording_line(RecordingConfig(before_s=10), SaveConfig(folder=str(tmp_path / "kept"), limit_gib=10))
    assert line.startswith(("H.264", "Motion-JPEG")) and "raw and enhanced, 10 s before from memory" in line
    half = recording_line(RecordingConfig(), SaveConfig(folder=str(tmp_path), limit_gib=5))
    assert abs(minutes(line) - 2 * minutes(half)) <= 1
    one = recording_line(RecordingConfig(views=("raw",)), SaveConfig(folder=str(tmp_path), limit_gib=5))
    assert abs(minutes(one) - 2 * minutes(half)) <= 1


def test_what_cannot_be_recorded_fails(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(InputOutputError, match="save"):
        recording_line(RecordingConfig(), SaveConfig(folder=str(tmp_path / "file" / "kept")))

    def none():
        raise NoFfmpeg("clips need the program FFmpeg")

    monkeypatch.setattr(check, "find_encoder", none)
    with pytest.raises(InputOutputError, match="FFmpeg"):
        recording_line(RecordingConfig(), SaveConfig(folder=str(tmp_path)))
