"""The real command on damaged files: an exit code that the service manager knows, and no traceback on the screen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from edge.models.profile import SHIPPED
from tests.fuzz.harness import assert_one_line, chance, fuzz
from tests.fuzz.inputs import HEADER, MANIFEST, damaged_arrays, document, file_of, picture_bytes
from tests.fuzz.mutations import damaged_bytes, damaged_tree, json_bytes

EXIT_CODES = (0, 1, 2, 69, 74, 78)
WITHIN_S = 300


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("command")
    (place / "models" / "live").mkdir(parents=True)
    for path in (SHIPPED / "live").iterdir():
        (place / "models" / "live" / path.name).symlink_to(path)
    (place / "models" / "live" / "model.json").unlink()
    return place


def arguments(draw: Random, place: Path) -> list[str]:
    """A damaged file of one kind, and the command that reads it first."""
    kind = draw.randrange(4)
    config = place / "edge.toml"
    if kind == 0:
        config.write_bytes(document(draw))
        return ["--print-config", "--config", str(config)]
    if kind == 1:
        suffix, content = picture_bytes(draw)
        (place / f"throat{suffix}").write_bytes(content)
        return [str(place / f"throat{suffix}"), "--output", str(place / "out"), "--force"]
    if kind == 2:
        content = json_bytes(damaged_tree(MANIFEST, draw), draw)
        (place / "models" / "live" / "model.json").write_bytes(content)
        config.write_text(f"engine.models = {json.dumps(str(place / 'models'))}\nengine.keys = ''\n")
        return ["--live", "--config", str(config), "--source", str(place / "none.png")]
    content = file_of(HEADER, damaged_arrays(draw))
    (place / "unit.calib").write_bytes(damaged_bytes(content, draw) if chance(draw, 0.5) else content)
    options = ["--unit", "A-2", "--calibration", str(place / "unit.calib"), "--source", str(place / "none.png")]
    return ["--live", *options]


@pytest.mark.slow
@fuzz("command", 300)
def test_damaged_files(draw: Random, outcomes: Counter[str], place: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", *arguments(draw, place)]
    ran = subprocess.run(command, capture_output=True, timeout=WITHIN_S)
    error = ran.stderr.decode("utf-8", "backslashreplace")
    outcomes[f"exit {ran.returncode}"] += 1
    assert ran.returncode in EXIT_CODES, error
    assert "Traceback" not in error, error
    assert "unexpected" not in error, error
    if ran.returncode:
        assert_one_line(error.splitlines()[-1])
