"""The project's own pictures as its tables and the commands of benchmarks/training/README.md divide them."""

import re
import shlex

import pytest

from tests.paths import DATA, REPOSITORY
from trainer.cli import main
from trainer.prepare.data_hash import sha256_of_files
from trainer.prepare.decision import read_decisions
from trainer.prepare.manifest import read_manifest

needs_data = pytest.mark.skipif(
    not (DATA / "throat_research" / "hq").is_dir(),
    reason=f"no real pictures at {DATA}; set EDGE_DATA to the folder that holds throat_research",
)
TABLES = REPOSITORY / "benchmarks" / "training"

SIDES = {
    ("throats", "train"): (214, "2fd14e46370dc4127b70ed24f03f7c2a13557cf735cb0756785e1c09031130d9"),
    ("throats", "held_out"): (32, "a069f515eb5d8f711af0ca140e7db1b56b82e7a6b49c8363c7b89010e62f8ca5"),
    ("larynx", "train"): (371, "036eecd0d67a9e8e48be65b08495184719c53318348a7f14acc00c88a3f17c98"),
    ("larynx", "held_out"): (41, "8cd18facd2bfebf0cc6c76e3d162dbbf137131efc9c5859a6de19261b5bfbae3"),
}
"""Number and hash of the pictures on each side: those that the shipped weights and docs/results.md were made with, as
the code that divided them before there were tables gave them (commit 4def76b, trainer/splits.py)."""


def prepared(name, folder):
    """The manifest that the page's command for it makes."""
    page = (TABLES / "README.md").read_text().replace("\\\n", " ")
    (line,) = (line for line in page.splitlines() if re.match(rf" +edge-train prepare .* -o {name}\.json", line))
    words = [word.replace("DATA/", f"{DATA}/") for word in shlex.split(line)[1:]]
    words[words.index("-o") + 1] = str(folder / f"{name}.json")
    assert main(words) == 0
    return read_manifest(folder / f"{name}.json")


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manifests")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        return {name: prepared(name, folder) for name in ("throats", "larynx", "oral")}


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize("name, side", SIDES)
def test_the_sides_are_those_that_the_shipped_weights_were_trained_and_judged_on(manifests, name, side):
    pictures = manifests[name].pictures("hq", side)
    assert (len(pictures), sha256_of_files(pictures)) == SIDES[name, side]


@pytest.mark.slow
@needs_data
def test_every_mouth_is_for_training(manifests):
    assert len(manifests["oral"].pictures("hq", "train")) == 88
    assert manifests["oral"].pictures("hq", "held_out", required=False) == []


@pytest.mark.slow
@needs_data
def test_poor_throats_are_there_to_be_trained_on_alone(manifests):
    lq = manifests["throats"].pictures("lq", "train")
    assert {path.parent.name for path in lq} == {"lq_train"}
    assert manifests["throats"].pictures("lq", "held_out", required=False) == []


def test_crops_of_one_photo_are_one_group():
    """Those that the data's own page names, and one that was seen in the pictures."""
    groups = {}
    for path, decision in read_decisions(TABLES / "throats.csv").items():
        groups.setdefault(decision.group, set()).add(path[-8:-4])
    for crops in ({"0018", "0034", "0135"}, {"0021", "0097", "0137"}, {"0236", "0255", "0275", "0304"}):
        assert any(crops <= numbers for group, numbers in groups.items() if group), crops
