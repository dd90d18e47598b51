"""Splits: nothing on both sides, stable, and what the project's own data gives."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from tests.paths import DATA
from trainer.prepare import splits

needs_data = pytest.mark.skipif(
    not (DATA / "throat_research" / "hq").is_dir(),
    reason=f"no real pictures at {DATA}; set EDGE_DATA to the folder that holds throat_research",
)

FAMILY = ("0236", "0255", "0275", "0304")
"""One photo in four crops by the table in splits.py; the made-up pictures of these names are not alike."""


def write_scene(path: Path, seed: int, size_px: tuple[int, int] = (96, 72)) -> None:
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.resize(blobs, size_px, interpolation=cv2.INTER_CUBIC))


@pytest.fixture
def throats(tmp_path: Path) -> Path:
    """40 hq pictures, a smaller copy of each in mid, a family of crops in hq, 5 mid pictures of their own."""
    folder = tmp_path / "throat_research"
    for seed in range(40):
        write_scene(folder / "hq" / f"normal_{9000 + seed}.jpg", seed)
        write_scene(folder / "mid" / f"normal_{9500 + seed}.jpg", seed, (80, 64))
    for seed in range(5):
        write_scene(folder / "mid" / f"normal_{9700 + seed}.jpg", 200 + seed)
    for seed, number in enumerate(FAMILY):
        write_scene(folder / "hq" / f"normal_{number}.jpg", 100 + seed)
    return tmp_path


def numbers(paths: list[Path], folder: str) -> set[int]:
    return {int(path.stem.rpartition("_")[2]) for path in paths if path.parent.name == folder}


def test_throat_split_keeps_copies_of_the_judges_out_of_training(throats):
    split = splits.throat_splits(throats)
    judges = numbers(split["held_out"], "hq") - {int(number) for number in FAMILY}
    assert 2 <= len(judges) <= 16
    assert numbers(split["held_out"], "mid") == set()
    copies = {number + 500 for number in judges}
    assert numbers(split["train"], "mid") == ({*range(9500, 9540)} | {*range(9700, 9705)}) - copies
    assert numbers(split["train"], "hq") | numbers(split["held_out"], "hq") == {
        *range(9000, 9040),
        *map(int, FAMILY),
    }
    assert not set(split["train"]) & set(split["held_out"])


def test_named_crops_stay_together(throats):
    family = {int(number) for number in FAMILY}
    split = splits.throat_splits(throats)
    assert family in (family & numbers(split["train"], "hq"), family & numbers(split["held_out"], "hq"))
    paths = sorted((throats / "throat_research" / "hq").iterdir())
    assert family in [numbers(group, "hq") for group in splits.photo_groups(paths)]


@pytest.mark.parametrize(
    "crops",
    ["0018 0034 0135", "0058 0074", "0021 0097 0137"],  # named in the data's README
)
def test_the_readmes_crops_are_one_group(tmp_path, crops):
    paths = [tmp_path / f"infected_{number}.jpg" for number in [*crops.split(), "9000"]]
    for seed, path in enumerate(paths):
        write_scene(path, seed)
    assert splits.photo_groups(paths) == [paths[:-1], paths[-1:]]


def test_a_new_picture_moves_no_other(throats):
    before = splits.throat_splits(throats)
    for seed in range(6):
        write_scene(throats / "throat_research" / "hq" / f"infected_{8000 + seed}.jpg", 300 + seed)
    after = splits.throat_splits(throats)
    for side in ("train", "held_out"):
        assert set(before[side]) <= set(after[side])


def test_split_depends_on_names_below_the_root_only(throats, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "data"
    shutil.copytree(throats, elsewhere)
    here, there = splits.throat_splits(throats), splits.throat_splits(elsewhere)
    for side in ("train", "held_out"):
        assert [p.relative_to(throats) for p in here[side]] == [p.relative_to(elsewhere) for p in there[side]]


def test_larynx_split_is_by_whole_sequences(tmp_path):
    names = ["patient1_seq3_0001", "patient1_seq4_0003_l", "patient2_seq5_0001_l", "patient2_seq7_0009"]
    for seed, name in enumerate([*names, "patient1_seq3_0002"]):
        write_scene(tmp_path / "larynx" / f"{name}.jpg", seed)
    split = splits.larynx_splits(tmp_path)
    assert [path.stem for path in split["train"]] == ["patient1_seq4_0003_l", "patient2_seq7_0009"]
    assert [path.stem for path in split["held_out"]] == [
        "patient1_seq3_0001",
        "patient1_seq3_0002",
        "patient2_seq5_0001_l",
    ]


def test_manifest_is_the_hash_of_sorted_lines(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    names = ["b/z.jpg", "a/a.jpg", "a/c.jpg", "b/a.jpg", "a/f.jpg", "a/e.jpg"]
    paths = [tmp_path / name for name in names]
    for path, name in zip(paths, names, strict=True):
        path.write_text(name)
    # coreutils: for n in b/z.jpg ...; do echo "$n $(printf $n | sha256sum | cut -d' ' -f1)"; done
    #            | LC_ALL=C sort | sha256sum
    expected = "1e5591af39e80b20fa5082490a72bf4953527b5bb307e890bba88d17712fe82e"
    assert splits.manifest(paths) == expected
    assert splits.manifest([*reversed(paths), paths[0]]) == expected
    assert splits.manifest(paths[1:]) != expected
    paths[1].write_text("altered")
    assert splits.manifest(paths) != expected


def test_manifest_of_a_missing_file(tmp_path):
    with pytest.raises(InputOutputError, match=r"gone\.jpg"):
        splits.manifest([tmp_path / "gone.jpg"])


@pytest.mark.parametrize("split", [splits.throat_splits, splits.larynx_splits])
@pytest.mark.parametrize("folder", ["nowhere", "empty", "partial"])
def test_missing_data_is_one_clear_line(tmp_path, split, folder):
    root = tmp_path / folder
    if folder != "nowhere":
        root.mkdir()
    if folder == "partial":  # hq without mid, larynx without what is to be held out
        write_scene(root / "throat_research" / "hq" / "normal_9000.jpg", 1)
        write_scene(root / "larynx" / "patient1_seq1_0001.jpg", 1)
    with pytest.raises(InputOutputError) as caught:
        split(root)
    assert str(root) in str(caught.value)
    assert ("no such data folder" in str(caught.value)) == (folder == "nowhere")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 74


@needs_data
def test_the_projects_throats():
    split = splits.throat_splits(DATA)
    assert len(numbers(split["held_out"], "hq")) == 32
    assert (len(numbers(split["train"], "hq")), len(numbers(split["train"], "mid"))) == (102, 112)
    assert len(split["held_out"]) == 32
    judges, train = ({path.stem[-4:] for path in split[side]} for side in ("held_out", "train"))
    # The data's README names these crops of one photo; the last was seen in the pictures.
    for crops in ({"0018", "0034", "0135"}, {"0021", "0097", "0137"}, {"0236", "0255", "0275", "0304"}):
        assert not (crops & judges and crops & train), crops


@needs_data
def test_the_projects_larynx():
    split = splits.larynx_splits(DATA)
    assert (len(split["train"]), len(split["held_out"])) == (371, 41)
