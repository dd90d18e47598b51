"""The first section of docs/ml-engineer.md, pasted into a shell: from pictures to an installed bundle."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.models.profile import load_profile
from tests.paths import REPOSITORY

PAGE = REPOSITORY / "docs" / "ml-engineer.md"
SECTION = "## From a folder to a unit in ten minutes"


def blocks() -> list[str]:
    text = PAGE.read_text(encoding="utf-8").partition(SECTION)[2].partition("\n## ")[0]
    return [re.sub(r"(?m)^    ", "", block) for block in re.findall(r"(?m)(?:^    .*\n)+", text)]


@pytest.mark.slow
def test_the_commands_lead_from_pictures_to_a_unit(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    making, installing = blocks()
    for block in (making, installing):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        if block is making:
            assert "fp16 against fp32 on 2 x pictures, plain and veiled" in done.stdout
            assert "### Dehazing, 3 held-out throats" in done.stdout
    assert "installed: live 4" in done.stdout and "signed by hospital.pub" in done.stdout
    assert load_profile("live", (tmp_path / "unit" / "models",)).manifest["version"] == "4"
    raw = sorted((tmp_path / "look").glob("*.png"))
    lifted = []
    for before in raw:
        seen, enhanced = (
            cv2.imread(str(tmp_path / folder / f"{before.stem}-enhanced.png")) for folder in ("seen", "enhanced")
        )
        assert np.array_equal(seen, enhanced)
        lifted.append(enhanced.std() / cv2.imread(str(before)).std())
    assert len(lifted) == 2 and max(lifted) > 1.2, "the fog is thinner"
