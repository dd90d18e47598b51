"""Groups: nobody is on both sides of a split, whatever links them."""

import re

import pytest

from edge.basics.errors import ConfigError
from trainer.prepare.groups import groups_of, patient_of, side_of, sides_of

FAR = [0x0F0F0F0F0F0F0F0F * n % 2**64 ^ (n * 0x9E3779B97F4A7C15 % 2**64) for n in range(1, 40)]


def flipped(value: int, num_bits: int) -> int:
    return value ^ (2**num_bits - 1)


@pytest.mark.parametrize(
    "path, patient",
    [
        ("patient1_seq3_0001.jpg", "patient1"),
        ("Patient 12/lq/a.png", "patient 12"),
        ("clinic/subject_003/b.png", "subject_003"),
        ("x_case-9.png", "case-9"),
        ("staircase9.png", ""),
        ("patients/a.png", ""),
        ("lq/infected_0004.jpg", ""),
    ],
)
def test_patients_by_name(path, patient):
    assert patient_of(path) == patient


def test_patients_by_expression():
    pattern = re.compile(r"/(P\d+)(?:_|$)")
    assert [patient_of(path, pattern) for path in ("a/P12_1.png", "P12.png")] == ["p12", ""]
    assert patient_of("b.png", re.compile(r"(a)?b")) == ""


def test_a_patient_is_a_group_and_a_nameless_picture_is_its_own():
    paths = ["lq/patient2_a.png", "hq/patient2_b.png", "hq/patient3.png", "hq/c.png", "hq/d.png"]
    assert groups_of(paths, FAR[:5]) == ["patient2", "patient2", "patient3", "hq/c.png", "hq/d.png"]


def test_near_duplicates_join_groups_transitively():
    """c looks like patient2's second picture, d like c, and patient4 like d; their other pictures come along."""
    paths = ["patient2_a.png", "patient2_b.png", "c.png", "d.png", "patient4_a.png", "patient4_b.png", "patient5.png"]
    chain = [FAR[0], FAR[1], flipped(FAR[1], 10), flipped(FAR[1], 20), flipped(FAR[1], 30), FAR[2], FAR[3]]
    assert groups_of(paths, chain) == ["c.png"] * 6 + ["patient5"]
    assert groups_of(paths, chain, max_distance=9)[:3] == ["patient2", "patient2", "c.png"]


def test_a_picture_more_moves_no_group_but_those_it_links():
    paths = [f"p/{index:02}.png" for index in range(30)]
    before = dict(zip(paths, groups_of(paths, FAR[:30]), strict=True))
    more = ["a/new.png", *paths, "z/near.png"]
    after = dict(zip(more, groups_of(more, [FAR[35], *FAR[:30], flipped(FAR[3], 5)]), strict=True))
    assert {path: after[path] for path in paths} == before
    assert after["z/near.png"] == before["p/03.png"]


def test_sides_follow_the_name_and_the_share():
    names = [f"patient{index}" for index in range(2000)]
    held_out = {name for name in names if side_of(name) == "held_out"}
    assert len(held_out) / len(names) == pytest.approx(0.18, abs=0.03)
    assert held_out < {name for name in names if side_of(name, 0.4) == "held_out"}
    assert {side_of(name, 0.0) for name in names} == {"train"}
    assert {side_of(name, 1.0) for name in names} == {"held_out"}


def test_a_person_joins_what_neither_name_nor_hash_links():
    """The first two are of one photo, and so are patient2 and d: its other picture comes along."""
    paths = ["a.png", "b.png", "c.png", "patient2_a.png", "patient2_b.png", "d.png"]
    written = ["Photo 7", "photo 7", "", "", "tongue", "tongue"]
    assert groups_of(paths, FAR[:6], decided=written) == ["photo 7", "photo 7", "c.png"] + ["patient2"] * 3
    assert groups_of(paths, FAR[:6], decided=["", "", "patient2", "", "", ""])[2:5] == ["patient2"] * 3


def test_a_person_puts_a_whole_group_on_a_side():
    paths, groups = ["a.png", "b.png", "c.png"], ["g", "g", "c.png"]
    for side in ("train", "held_out"):
        assert sides_of(paths, groups, ["", side, ""], 0.0) == [side, side, "train"]
        assert sides_of(paths, groups, [side, side, ""], 1.0) == [side, side, "held_out"]


def test_a_group_on_both_sides_is_one_clear_line():
    with pytest.raises(ConfigError, match=r"a\.png \(train\) and b\.png \(held_out\) are of one group, g;") as caught:
        sides_of(["a.png", "b.png"], ["g", "g"], ["train", "held_out"], 0.1)
    assert "\n" not in str(caught.value)
