"""What a study folder holds, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError, UsageError
from tests.trainer.mdos.conftest import METHODS, NUM_SUBJECTS, draw_methods, wish_of
from trainer.mdos.create import create_study
from trainer.mdos.study import KEY_NAME, STUDY_NAME, read_study


@pytest.fixture
def methods(tmp_path):
    return draw_methods(tmp_path / "pictures")


def test_pictures_are_the_same_pixels_under_names_that_tell_nothing(study, tmp_path):
    assert len(study.items) == len(METHODS) * NUM_SUBJECTS
    for name in study.items:
        method, subject = study.method_of[name], study.subject_of[name]
        made, source = (
            cv2.imread(str(path)) for path in (study.picture(name), tmp_path / "pictures" / method / f"{subject}.png")
        )
        assert np.array_equal(made, source)
    told = (study.folder / STUDY_NAME).read_text()
    assert not [word for word in (*METHODS, "s00", "hq00") if word in told]


def test_only_versions_of_an_original_are_compared_with_it(study):
    for name, item in study.items.items():
        if study.method_of[name] in ("cyclegan", "miinet"):
            assert study.method_of[item.reference] == "original"
            assert study.subject_of[item.reference] == study.subject_of[name]
            assert item.aspects == ("quality", "reproducibility")
        else:
            assert item.aspects == ("quality",)


def test_the_folder_is_its_owners(study):
    for path in [study.folder, *study.folder.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o007


def test_pairs_as_edge_enhance_saves_them_are_known(tmp_path):
    for method, ending in (("original", "_raw"), ("miinet", "_enhanced")):
        (tmp_path / method).mkdir()
        for index in range(3):
            cv2.imwrite(str(tmp_path / method / f"t{index}{ending}.png"), np.full((9, 16, 3), index, np.uint8))
    create_study(
        tmp_path / "study",
        wish_of({name: tmp_path / name for name in ("original", "miinet")}, quality_only=frozenset({"original"})),
    )
    assert set(read_study(tmp_path / "study").subject_of.values()) == {"t0", "t1", "t2"}


def test_versions_of_other_sizes_are_refused_and_both_are_named(methods, tmp_path):
    odd = methods["miinet"] / "s03.png"
    cv2.imwrite(str(odd), np.zeros((30, 50, 3), np.uint8))
    with pytest.raises(InputOutputError, match=r"48x27 .*is 50x30|is 50x30 .*48x27") as error:
        create_study(tmp_path / "new", wish_of(methods))
    assert str(odd) in str(error.value)
    assert str(methods["original"] / "s03.png") in str(error.value) or "cyclegan/s03.png" in str(error.value)
    assert os.listdir(tmp_path) == ["pictures"]  # noqa: PTH208 - hidden ones too


def test_a_picture_without_its_original_is_refused(methods, tmp_path):
    (methods["original"] / "s05.png").unlink()
    with pytest.raises(InputOutputError, match=r"no original of 's05' of method cyclegan \(1 are missing\)"):
        create_study(tmp_path / "new", wish_of(methods))


def test_two_pictures_of_one_name_are_refused(methods, tmp_path):
    shutil.copy(methods["hq"] / "hq01.png", methods["hq"] / "hq01_raw.png")
    with pytest.raises(InputOutputError, match="both are of subject 'hq01'"):
        create_study(tmp_path / "new", wish_of(methods))


def test_a_damaged_picture_is_named_and_nothing_stays(methods, tmp_path):
    path = methods["cyclegan"] / "s02.png"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputOutputError, match=r"cyclegan/s02\.png"):
        create_study(tmp_path / "new", wish_of(methods))
    assert os.listdir(tmp_path) == ["pictures"]  # noqa: PTH208


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repeats": 0.7}, "--repeats 0.7"),
        ({"num_raters": 0}, "--raters 0"),
        ({"reference": "raw"}, "'raw': no --method of this name"),
        ({"quality_only": frozenset({"sharp"})}, "'sharp': no --method"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(methods, tmp_path, changes, words):
    with pytest.raises(UsageError, match=words):
        create_study(tmp_path / "new", wish_of(methods, **changes))


def test_what_is_there_is_not_overwritten(study):
    with pytest.raises(InputOutputError, match="exists; name a new folder"):
        create_study(study.folder, wish_of(dict.fromkeys(METHODS, study.folder)))


def changed_picture(study):
    path = study.picture(next(iter(study.items)))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")


def other_title(study):
    path = study.folder / STUDY_NAME
    path.write_text(path.read_text().replace("A study", "Another"))


def other_key(study):
    path = study.folder / KEY_NAME
    key = json.loads(path.read_text())
    key["items"][next(iter(key["items"]))]["method"] = "miinet"
    path.write_text(json.dumps(key))


@pytest.mark.slow
@pytest.mark.parametrize("change", [changed_picture, other_title, other_key])
def test_a_folder_that_was_changed_is_refused_by_hash(study, change):
    change(study)
    with pytest.raises(InputOutputError, match="changed since the study was created; restore it"):
        read_study(study.folder)


def test_a_folder_that_is_no_study_is_told(tmp_path):
    with pytest.raises(InputOutputError, match="expected a folder that edge-train mdos create made"):
        read_study(Path(tmp_path))
