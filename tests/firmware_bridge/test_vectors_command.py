"""The recipe of docs/firmware-protocol.md: the vectors against a decoder of any language."""

from __future__ import annotations

import subprocess

import pytest

from firmware_bridge.device.c_device import C_FOLDER, compiler
from firmware_bridge.errors import UsageError
from tests.doubles.line_bench import NEEDS_COMPILER
from tests.firmware_bridge.simulated import edge_bridge


@NEEDS_COMPILER
def test_the_decoder_in_c_finds_what_the_answers_say(tmp_path, capsys):
    frames, answers = tmp_path / "frames.txt", tmp_path / "answers.txt"
    edge_bridge("vectors", str(frames), str(answers))
    assert "254 frames in" in capsys.readouterr().out
    decode = tmp_path / "decode"
    sources = [str(C_FOLDER / f"{name}.c") for name in ("check_vectors", "edge_frames", "edge_messages")]
    subprocess.run([compiler(), "-std=c99", "-o", decode, *sources], check=True)
    with frames.open() as file:
        found = subprocess.run([decode], stdin=file, capture_output=True, text=True, check=True).stdout
    assert found == answers.read_text()
    assert found.splitlines().count("-") == 57


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        edge_bridge("vectors", str(tmp_path / "none" / "a"), str(tmp_path / "b"))
