"""The command that writes frames of the demo throat."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.pictures.geometry import FRAME_SHAPE, shrink
from edge.sources.demo import __main__ as command
from edge.sources.demo.render import DemoRenderer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("pair", ["degraded_000007.png", "degraded_000012.png", "truth_000007.png", "truth_000012.png"]),
        ("truth", ["truth_000007.png", "truth_000012.png"]),
    ],
)
def test_command_writes_the_frames(kind: str, names: list[str], tmp_path: Path, renderer: DemoRenderer) -> None:
    arguments = ["--output", str(tmp_path / "new"), "--count", "2", "--start", "7", "--every", "5", "--kind", kind]
    assert command.main(arguments) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names
    written = cv2.cvtColor(cv2.imread(str(tmp_path / "new" / "truth_000012.png")), cv2.COLOR_BGR2RGB)
    assert np.array_equal(written, renderer.truth(12))


def test_command_overwrites_only_when_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "truth_000000.png"
    taken.write_bytes(b"mine")
    arguments = ["--output", str(tmp_path), "--kind", "truth"]
    assert command.main(arguments) == 2
    assert taken.read_bytes() == b"mine" and "--force" in capsys.readouterr().err
    assert command.main([*arguments, "--force"]) == 0
    assert cv2.imread(str(taken)).shape == FRAME_SHAPE


@pytest.mark.slow
def test_variety_gives_another_throat_each_time(tmp_path: Path) -> None:
    assert command.main(["--output", str(tmp_path), "--count", "2", "--kind", "truth", "--variety"]) == 0
    first, second = (cv2.imread(str(tmp_path / f"truth_00000{i}.png")) for i in range(2))
    assert np.abs(shrink(first).astype(int) - shrink(second)).mean() > 5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--count", "0"], 2), (["--every", "-1"], 2), (["--seed", "-3"], 2)],
    ids=["no frames", "backwards", "negative seed"],
)
def test_command_refuses_bad_numbers(arguments: list[str], code: int, tmp_path: Path) -> None:
    assert command.main(["--output", str(tmp_path), *arguments]) == code


def test_command_says_when_the_folder_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert command.main(["--output", str(tmp_path / "file")]) == 74
    assert str(tmp_path / "file") in capsys.readouterr().err
