"""`edge-export describe`: words for people, entered into a manifest that stays whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edge.models.card import card_of
from edge.models.profile import SHIPPED, load_profile
from export.cli import main
from export.graphs.card_keys import PURPOSES, card_keys
from export.recipes import RECIPES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED / "live-fast", tmp_path / "live-fast"))


def manifest_of(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "model.json").read_text())
    return told


def test_words_are_entered_and_taken_away(folder: Path) -> None:
    before = manifest_of(folder)
    words = ["--advice", "comparison only: x", "--data", "mouths", "--never-shown", "dew", "--never-shown", "real fog"]
    assert main(["describe", str(folder), *words]) == 0
    card = card_of(load_profile("live-fast", (folder.parent,)).manifest)
    assert (card.advice, card.data, card.never_shown) == ("comparison only: x", "mouths", ("dew", "real fog"))
    assert card.purpose == before["purpose"]
    assert main(["describe", str(folder), "--advice", "", "--never-shown", ""]) == 0
    left = manifest_of(folder)
    assert "advice" not in left and "never_shown" not in left and left["golden"] == before["golden"]


def test_figures_of_a_comparison_take_the_place_of_others(folder: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    figures.write_text(
        json.dumps({"live": {}, "live-fast/idm": {"fog_gain_db": {"mean": 3.1, "low": 2.8, "high": 3.4, "num": 12}}})
    )
    assert main(["describe", str(folder), "--figures", str(figures)]) == 0
    card = card_of(manifest_of(folder))
    assert [(one.name, one.text) for one in card.figures] == [("fog gain", "3.10 (2.80 to 3.40) dB")]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "nothing to enter"),
        (["--advice", "two\nlines"], 78, "advice = "),
        (["--purpose", "x" * 700], 78, "purpose = "),
        (["--figures", "none.json"], 74, "no readable figures"),
    ],
)
def test_what_does_not_fit_leaves_the_manifest_as_it_was(
    folder: Path, words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "model.json").read_bytes()
    assert main(["describe", str(folder), *words]) == code
    assert message in capsys.readouterr().err
    assert (folder / "model.json").read_bytes() == before


def test_figures_of_another_method_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    figures.write_text('{"miinet": {"fog_db": 1}}')
    assert main(["describe", str(folder), "--figures", str(figures)]) == 78
    assert "has no figures of 'live-fast', it has: miinet" in capsys.readouterr().err
    assert main(["describe", str(folder), "--figures", str(figures), "--method", "miinet"]) == 0


def test_an_installed_one_stays_what_its_bundle_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bundle.json").write_text("{}")
    assert main(["describe", str(folder), "--advice", "x"]) == 2
    assert "is installed" in capsys.readouterr().err


def test_a_damaged_profile_is_not_described(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "model.onnx").write_bytes(b"x")
    assert main(["describe", str(folder), "--advice", "x"]) == 78
    assert "sha256" in capsys.readouterr().err


def test_an_export_knows_what_each_recipe_is_for_and_which_fogs_it_left_out() -> None:
    assert set(PURPOSES) == set(RECIPES)
    keys = card_keys("miinet", {"idm": {"fogs": "airlight,dew"}, "isr": {"weights": "x"}, "commit": "1"})
    assert keys["purpose"] == PURPOSES["miinet"]
    assert "fog of the family drifting smoke" in keys["never_shown"] and len(keys["never_shown"]) == 4
    assert card_keys("live-bicubic", {"steps": "1"}) == {}
