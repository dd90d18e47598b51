"""What is said of GStreamer, and what its scripts may be."""

from __future__ import annotations

import ast
import sys

import pytest

from edge.gstreamer.program import SCRIPTS, package_of


@pytest.mark.parametrize(
    ("element", "package"),
    [
        ("nvarguscamerasrc", "nvidia-l4t-gstreamer"),
        ("nvvidconv", "nvidia-l4t-gstreamer"),
        ("libcamerasrc", "gstreamer1.0-libcamera"),
        ("avdec_h264", "gstreamer1.0-libav"),
        ("decoder", "gstreamer1.0-libav"),
        ("jpegdec", "gstreamer1.0-plugins-good"),
        ("v4l2src", "gstreamer1.0-plugins-good"),
        ("rtspsrc", "gstreamer1.0-plugins-good"),
        ("videoconvert", "gstreamer1.0-plugins-base"),
        ("ximagesink", "gstreamer1.0-x"),
        ("kmssink", "gstreamer1.0-plugins-bad"),
        ("h264parse", "gstreamer1.0-plugins-bad"),
    ],
)
def test_a_missing_element_has_a_package(element, package):
    assert package_of(element) == package


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.name)
def test_scripts_run_by_any_systems_python(path):
    """Python 3.8 reads them, and they load nothing but its library, `gi` and each other."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    named = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named.add(node.module.split(".")[0])
    own = {other.stem for other in SCRIPTS.glob("*.py")}
    assert named <= set(sys.stdlib_module_names) | {"gi"} | own
