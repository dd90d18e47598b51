"""The form that a profile travels in."""

import os
import shutil

from edge.models.bundle_file import opened_bundle
from edge.models.profile import MANIFEST_NAME, SHIPPED, load_profile


def test_the_same_profile_makes_the_same_bundle(tmp_path):
    from export.on_unit.bundle import write_bundle

    for name in ("a", "b"):
        folder = tmp_path / name / "live"
        shutil.copytree(SHIPPED / "live", folder)
        os.utime(folder / MANIFEST_NAME, (1, 1))
        write_bundle(load_profile("live", (folder.parent,)), tmp_path / f"{name}.bundle")
    assert (tmp_path / "a.bundle").read_bytes() == (tmp_path / "b.bundle").read_bytes()
    with opened_bundle(tmp_path / "a.bundle") as opened:
        assert set(opened.contents.files) == {"model.onnx", "model.json", "dehaze.onnx", "model.fp16.onnx"}
