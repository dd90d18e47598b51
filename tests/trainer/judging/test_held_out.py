"""Which pictures judge: the held-out side of a manifest, and no other."""

import cv2
import pytest

from edge.basics.errors import ConfigError, InputOutputError, UsageError
from trainer.cli import main
from trainer.judging.held_out import HeldOut, held_out_pictures


@pytest.fixture(scope="module")
def place(tmp_path_factory, tissue):
    """Manifests throats.json and larynx.json of six pictures each; two throats are held out, and all larynges."""
    folder = tmp_path_factory.mktemp("place")
    for name in ("throats", "larynx"):
        (folder / name / "hq").mkdir(parents=True)
        for seed in range(6):
            cv2.imwrite(str(folder / name / "hq" / f"{seed}.png"), tissue(72, 96, seed + 10 * len(name)))
    (folder / "d.csv").write_text("path,domain,split\nhq/1.png,,held_out\nhq/4.png,,held_out\n")
    options = {"throats": ["0", "--decision", str(folder / "d.csv")], "larynx": ["1"]}
    for name, more in options.items():
        command = ["prepare", str(folder / name), "-o", str(folder / f"{name}.json"), "--held-out", *more]
        assert main([*command, "--near-bits", "0"]) == 0
    return folder


def test_what_is_held_out_judges(place):
    found = held_out_pictures([place / "throats.json", place / "larynx.json"])
    assert list(found.sets) == ["throats", "larynx"]
    assert [path.name for path in found.sets["throats"]] == ["1.png", "4.png"]
    assert len(found.sets["larynx"]) == 6
    assert found.yardsticks == {}
    assert held_out_pictures([place / "larynx.json"]) == HeldOut({"larynx": found.sets["larynx"]})


def test_yardsticks_are_the_sets_that_are_there(place, tmp_path, tissue):
    (tmp_path / "Set14").mkdir()
    cv2.imwrite(str(tmp_path / "Set14" / "a.png"), tissue(48, 48, 1))
    assert list(held_out_pictures([place / "throats.json"], tmp_path).yardsticks) == ["Set14"]


@pytest.mark.parametrize(
    "manifest, sr_benchmark, error, message",
    [
        pytest.param(None, None, UsageError, "--manifest is missing", id="no manifest"),
        pytest.param("model.json", None, UsageError, "--model-json the model.json that gets", id="of a profile"),
        pytest.param("again/throats.json", None, UsageError, "there is another throats", id="one name twice"),
        pytest.param("gone.json", None, InputOutputError, "gone.json: cannot be read", id="no such manifest"),
        pytest.param("throats.json", "larynx", InputOutputError, "no PNG file in Set5 or Set14", id="no yardsticks"),
        pytest.param("nobody.json", None, ConfigError, "no picture has domain hq and split held_out", id="none out"),
    ],
)
def test_what_cannot_judge_is_one_line(place, manifest, sr_benchmark, error, message):
    folder = str(place / "throats")
    (place / "model.json").write_text('{"profile": "live", "networks": [], "version": "1"}')
    assert main(["prepare", folder, "-o", str(place / "nobody.json"), "--held-out", "0", "--near-bits", "0"]) == 0
    with pytest.raises(error, match=message) as caught:
        first = [place / "throats.json"] if manifest and "again" in manifest else []
        held_out_pictures([*first, *([place / manifest] if manifest else [])], sr_benchmark and place / sr_benchmark)
    assert "\n" not in str(caught.value)
