"""Profiles that say they are for stills: the shipped live one under another name, so that a test need not wait."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from edge.models.profile import MANIFEST_NAME, SHIPPED


def still_profile(models: Path, name: str, upscale: str = "isr") -> Path:
    """A folder of a unit's own profile: it enhances as `live` does, and its manifest tells of a heavy network."""
    folder = models / name
    shutil.copytree(SHIPPED / "live", folder)
    path = folder / MANIFEST_NAME
    manifest = json.loads(path.read_text())
    manifest |= {
        "name": f"stand-in {name}",
        "profile": name,
        "networks": [{"kind": "idm", "macs": 98_700_000_000, "parameters": 11_378_179}],
        "upscale": {"kind": upscale},
    }
    path.write_text(json.dumps(manifest))
    return folder
