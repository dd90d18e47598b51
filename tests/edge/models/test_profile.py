"""Profiles on disk: nothing is taken that its manifest does not vouch for."""

import json
import shutil

import pytest

from edge.basics.errors import ModelError
from edge.models.profile import SHIPPED, load_profile, profile_names


@pytest.fixture
def models(tmp_path):
    shutil.copytree(SHIPPED / "live", tmp_path / "live")
    return tmp_path


def edit(models, **changes):
    path = models / "live" / "model.json"
    manifest = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            del manifest[key]
        else:
            manifest[key] = value
    path.write_text(json.dumps(manifest))


def test_the_shipped_profile_is_whole():
    profile = load_profile("live")
    assert profile.dehazer is not None
    assert profile.manifest["input"]["shape"] == [1, 1080, 1920, 3]
    assert profile.manifest["licence"]
    assert "live" in profile_names()


def test_the_units_own_profile_wins(models):
    edit(models, version="mine")
    assert load_profile("live", (models, SHIPPED)).manifest["version"] == "mine"


CALIBRATION = {"unit": "A", "camera_mode": "", "made_at": "2026-03-01T12:00:00+00:00"}


@pytest.mark.parametrize(
    "damage, message",
    [
        pytest.param(lambda m: (m / "live/model.json").unlink(), "no readable manifest", id="no manifest"),
        pytest.param(lambda m: (m / "live/model.json").write_text("{"), "no readable manifest", id="cut manifest"),
        pytest.param(lambda m: (m / "live/model.json").write_text("[]"), "JSON object", id="not an object"),
        pytest.param(lambda m: edit(m, licence=None), "missing licence", id="key missing"),
        pytest.param(lambda m: (m / "live/model.onnx").unlink(), "model.onnx", id="graph missing"),
        pytest.param(lambda m: (m / "live/model.onnx").write_bytes(b"x"), "model.onnx: sha256", id="graph altered"),
        pytest.param(lambda m: (m / "live/dehaze.onnx").write_bytes(b"x"), "dehaze.onnx: sha256", id="dehazer altered"),
        pytest.param(lambda m: edit(m, sha256="0" * 64), "sha256", id="hash altered"),
        pytest.param(lambda m: edit(m, precisions=3), "precisions = 3: expected a table", id="precisions no table"),
        pytest.param(
            lambda m: edit(m, precisions={"fp16": {}}), "precisions.fp16.sha256 = None", id="graph without hash"
        ),
        pytest.param(lambda m: edit(m, calibration={"unit": 3}), "calibration.unit = 3", id="unit no text"),
        pytest.param(
            lambda m: edit(m, calibration={**CALIBRATION, "controls": {"gain": "much"}}),
            "calibration.controls = {'gain': 'much'}: expected a table of numbers",
            id="settings that are no numbers",
        ),
        pytest.param(
            lambda m: edit(m, calibration={"unit": "A", "camera_mode": "", "made_at": "2026-03-01T12:00:00"}),
            "calibration.made_at",
            id="calibration without a zone",
        ),
        pytest.param(lambda m: edit(m, version="1\n2"), "version = '1\\n2'", id="version of two lines"),
        pytest.param(
            lambda m: (m / "live/model.json").write_text("[" * 100_000), "no readable manifest", id="too deep"
        ),
        pytest.param(lambda m: shutil.rmtree(m / "live"), "'live': not found", id="no profile"),
    ],
)
def test_a_damaged_profile_is_refused_in_one_line(models, damage, message):
    damage(models)
    with pytest.raises(ModelError) as caught:
        load_profile("live", (models,))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_no_file_system_takes_is_no_profile(models):
    with pytest.raises(ModelError, match="not found"):
        load_profile("a" * 300, (models,))
