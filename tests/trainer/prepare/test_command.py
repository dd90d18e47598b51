"""`edge-train prepare`, from a folder to a manifest and back through a person's hands."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.basics.errors import ConfigError
from tests.doubles.training.prepare_bench import prepare, put, scene
from tests.paths import DATA
from trainer.prepare.command import domains_of
from trainer.prepare.decision import Decision
from trainer.prepare.manifest import read_manifest

needs_data = pytest.mark.skipif(
    not (DATA / "throat_research" / "hq").is_dir(),
    reason=f"no real pictures at {DATA}; set EDGE_DATA to the folder that holds throat_research",
)


def domains(manifest: Path) -> dict[str, str]:
    return {entry.path: entry.domain for entry in read_manifest(manifest).entries}


def sides(manifest: Path) -> dict[str, str]:
    return {entry.path: entry.split for entry in read_manifest(manifest).entries}


def decide(table: Path, decisions: dict[str, str]) -> None:
    """Fill in the table as a person does."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "domain": decisions.get(row["path"], row["domain"])} for row in rows)


def test_folders_say_the_domain_and_the_rest_is_unsorted(sorted_folder, tmp_path, capsys):
    manifest = tmp_path / "sets" / "m.json"
    assert prepare(sorted_folder, "-o", manifest) == 0
    found = domains(manifest)
    assert {path.partition("/")[0]: domain for path, domain in found.items()} == {
        "lq": "lq",
        "hq": "hq",
        "mid": "unsorted",
        "1.png": "unsorted",
    }
    printed = capsys.readouterr()
    assert (
        f"2 pictures are unsorted: write lq or hq into the column domain of {tmp_path / 'sets/decision.csv'}"
        in printed.out
    )
    assert "10 paths name no patient" in printed.err
    read_manifest(manifest).verify()
    entry = read_manifest(manifest).entries[0]
    assert (entry.path, entry.width_px, entry.height_px, entry.group) == ("1.png", 96, 72, "1.png")


def test_from_suggestion_to_decision(tmp_path, capsys):
    folder = put(tmp_path / "pictures", {f"{n}.png": scene(n) for n in range(6)})
    table, manifest = tmp_path / "sheets" / "decision.csv", tmp_path / "m.json"
    assert prepare(folder, "-o", manifest, "--contact-sheet", table.parent) == 0
    assert sorted(path.name for path in table.parent.iterdir()) == ["decision.csv", "focus-001.png", "haze-001.png"]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["path"] for row in sorted(rows, key=lambda row: -float(row["haze"]))] == [row["path"] for row in rows]
    assert {row["suggested"] for row in rows} <= {"lq", "hq"} and {row["domain"] for row in rows} == {""}
    # A suggestion is no decision: nothing can be trained on before somebody has decided.
    assert set(domains(manifest).values()) == {"unsorted"}
    with pytest.raises(ConfigError, match=r"6 of 6 are unsorted: .*--decision"):
        read_manifest(manifest).pictures("lq", "train")

    decided = {"0.png": "lq", "1.png": "LQ ", "2.png": "hq", "3.png": "hq", "4.png": "unsorted"}
    decide(table, decided)
    before = table.read_bytes()
    assert prepare(folder, "-o", manifest, "--contact-sheet", table.parent, "--decision", table) == 0
    expected = {path: domain.strip().lower() for path, domain in decided.items()} | {"5.png": "unsorted"}
    assert domains(manifest) == expected
    assert table.read_bytes() == before
    assert "2 pictures are unsorted and are not trained on" in capsys.readouterr().out


def test_a_decision_outweighs_the_folder(sorted_folder, tmp_path):
    table = tmp_path / "d.csv"
    table.write_text("path,domain\nlq/0.png,hq\nlq/1.png,unsorted\nlq/2.png,\n")
    assert prepare(sorted_folder, "-o", tmp_path / "m.json", "--decision", table) == 0
    found = domains(tmp_path / "m.json")
    assert [found[f"lq/{n}.png"] for n in range(4)] == ["hq", "unsorted", "lq", "lq"]
    assert not (tmp_path / "decision.csv").exists()


def test_new_pictures_take_over_the_decisions_in_a_new_folder(tmp_path, capsys):
    folder = put(tmp_path / "pictures", {f"{n}.png": scene(n) for n in range(4)})
    old, new = tmp_path / "old", tmp_path / "new"
    arguments = [folder, "-o", tmp_path / "m.json", "--contact-sheet"]
    assert prepare(*arguments, old) == 0
    decide(old / "decision.csv", {"0.png": "lq", "1.png": "hq"})
    put(folder, {"new.png": scene(9)})
    assert prepare(*arguments, old, "--decision", old / "decision.csv") == 2
    assert "has no line for 1 pictures, such as new.png; give --contact-sheet another" in capsys.readouterr().err
    assert prepare(*arguments, new, "--decision", old / "decision.csv") == 0
    rows = {row["path"]: row["domain"] for row in csv.DictReader((new / "decision.csv").read_text().splitlines())}
    assert rows == {"0.png": "lq", "1.png": "hq", "2.png": "", "3.png": "", "new.png": ""}


def test_a_person_names_groups_and_holds_them_out(tmp_path, capsys):
    """Crops that no hash links, and a group that judges for good, in the decision table and in one that follows it."""
    folder = put(tmp_path / "pictures", {f"hq/{n}.png": scene(n) for n in range(6)})
    table, sheets = tmp_path / "d.csv", tmp_path / "sheets"
    table.write_text("path,domain,group,split\nhq/0.png,,crops,\nhq/4.png,,crops,held_out\nhq/5.png,,,train\n")
    arguments = [folder, "-o", tmp_path / "m.json", "--held-out", "0", "--decision"]
    assert prepare(*arguments, table, "--contact-sheet", sheets) == 0
    held_out = {path for path, side in sides(tmp_path / "m.json").items() if side == "held_out"}
    assert held_out == {"hq/0.png", "hq/4.png"}
    assert {entry.group for entry in read_manifest(tmp_path / "m.json").entries if entry.path in held_out} == {"crops"}
    assert "4 paths name no patient" in capsys.readouterr().err

    first = (tmp_path / "m.json").read_bytes()
    assert prepare(*arguments, sheets / "decision.csv") == 0
    assert (tmp_path / "m.json").read_bytes() == first

    table.write_text("path,domain,group,split\nhq/0.png,,crops,train\nhq/4.png,,crops,held_out\n")
    assert prepare(*arguments, table) == 78
    assert "hq/0.png (train) and hq/4.png (held_out) are of one group, crops" in capsys.readouterr().err


@pytest.mark.parametrize("sheets", [True, False], ids=["beside sheets", "beside manifest"])
def test_decisions_are_never_written_over(tmp_path, capsys, sheets):
    folder = put(tmp_path / "pictures", {f"{n}.png": scene(n) for n in range(3)})
    table = tmp_path / "sets" / "decision.csv"
    table.parent.mkdir()
    table.write_text("path,domain\n0.png,lq\n")
    option = ["--contact-sheet", table.parent] if sheets else []
    assert prepare(folder, "-o", table.parent / "m.json", *option) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"{table}: may hold decisions; give it with --decision, or remove it" in line
    assert table.read_text() == "path,domain\n0.png,lq\n"
    assert not (table.parent / "m.json").exists()


def test_another_table_in_the_sheets_folder_is_left_alone(tmp_path, capsys):
    folder = put(tmp_path / "pictures", {"0.png": scene(0)})
    mine, others = tmp_path / "mine.csv", tmp_path / "sheets" / "decision.csv"
    others.parent.mkdir()
    for table in (mine, others):
        table.write_text("path,domain\n0.png,lq\n")
    assert prepare(folder, "-o", tmp_path / "m.json", "--contact-sheet", others.parent, "--decision", mine) == 2
    assert f"{others}: may hold decisions and is not --decision {mine}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path, lq, hq, domain",
    [
        ("lq_train/a.png", ["lq_*"], ["hq"], "lq"),
        ("set/lq_train/deep/a.png", ["*/lq_train"], ["hq"], "lq"),
        ("hq/a.png", ["lq_*"], ["hq/"], "hq"),
        ("hq2/a.png", ["lq_*"], ["hq"], "unsorted"),
        ("x/foggy_1.png", ["*foggy*.png"], ["x"], "conflict"),
        ("x/sharp.png", ["*foggy*.png"], ["x"], "hq"),
        ("day[1]/a.png", ["day[1]"], ["hq"], "lq"),
    ],
)
def test_patterns(path, lq, hq, domain):
    if domain == "conflict":
        with pytest.raises(ConfigError, match=r"x/foggy_1\.png: LQ by --lq \*foggy\*\.png and HQ by --hq x"):
            domains_of([path], lq, hq, {path: Decision()})
        assert domains_of([path], lq, hq, {path: Decision("hq")}) == ["hq"]
    else:
        assert domains_of([path], lq, hq, {}) == [domain]


def patients(tmp_path: Path, num: int = 24) -> Path:
    """Three pictures of each patient, the last of which is also patient 900 + n's, in another size."""
    pictures = {}
    for n in range(num):
        pictures |= {f"patient{n}/{k}.png": scene(10 * n + k) for k in range(3)}
        pictures[f"patient{900 + n}/copy.png"] = scene(10 * n + 2, 80, 66)
        pictures[f"patient{900 + n}/other.png"] = scene(10 * n + 5)
    return put(tmp_path / "pictures", pictures)


def test_no_patient_and_no_near_duplicate_is_on_both_sides(tmp_path):
    folder = patients(tmp_path)
    assert prepare(folder, "-o", tmp_path / "m.json", "--held-out", "0.4") == 0
    side = sides(tmp_path / "m.json")
    assert set(side.values()) == {"train", "held_out"}
    for n in range(24):
        linked = {side[path] for path in side if path.startswith((f"patient{n}/", f"patient{900 + n}/"))}
        assert len(linked) == 1, n


def test_groups_by_expression(tmp_path):
    pictures = {f"day{k}/P{n:02}_{k}.png": scene(10 * n + k) for n in range(12) for k in range(3)}
    folder = put(tmp_path / "pictures", pictures)
    assert prepare(folder, "-o", tmp_path / "m.json", "--group-by", r"(P\d+)_", "--held-out", "0.4") == 0
    entries = read_manifest(tmp_path / "m.json").entries
    assert {entry.group for entry in entries} == {f"p{n:02}" for n in range(12)}
    assert len({(entry.group, entry.split) for entry in entries}) == 12


def test_a_new_picture_moves_no_other(tmp_path):
    folder = put(tmp_path / "pictures", {f"{n:03}.png": scene(n) for n in range(40)})
    assert prepare(folder, "-o", tmp_path / "before.json") == 0
    put(folder, {f"a{n}.png": scene(500 + n) for n in range(8)})
    (folder / "017.png").unlink()
    shutil.move(folder, tmp_path / "elsewhere")
    assert prepare(tmp_path / "elsewhere", "-o", tmp_path / "more" / "after.json") == 0
    before, after = sides(tmp_path / "before.json"), sides(tmp_path / "more" / "after.json")
    assert {path: after[path] for path in before if path in after} == {
        p: s for p, s in before.items() if p != "017.png"
    }
    assert len(after) == 47 and set(before.values()) == {"train", "held_out"}


def test_the_same_command_writes_the_same_manifest(sorted_folder, tmp_path):
    for name in ("a", "b"):
        assert prepare(sorted_folder, "-o", tmp_path / name / "m.json") == 0
    assert (tmp_path / "a" / "m.json").read_bytes() == (tmp_path / "b" / "m.json").read_bytes()


def test_unreadable_pictures_are_listed_at_the_end_and_are_not_fatal(sorted_folder, tmp_path, capsys):
    (sorted_folder / "lq" / "torn.jpg").write_bytes(b"torn")
    (sorted_folder / "lq" / "phone.mov").write_bytes(b"")
    put(sorted_folder, {"hq/grey.png": scene(50)[..., 0], "hq/deep.png": scene(51).astype(np.uint16) * 256})
    assert prepare(sorted_folder, "-o", tmp_path / "m.json", "--min-size", "90x70") == 0
    listed = {bad.path: bad.reason for bad in read_manifest(tmp_path / "m.json").unreadable}
    assert list(listed) == ["hq/deep.png", "hq/grey.png", "lq/torn.jpg"]
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-3:] == [f"{path}: left out: {reason}" for path, reason in listed.items()]
    assert "files of other kinds, left aside: .mov 1" in lines
    assert prepare(sorted_folder, "-o", tmp_path / "m.json", "--min-size", "97x70", "--decision", "x.csv") == 74


@needs_data
@pytest.mark.slow
def test_the_projects_throats(tmp_path):
    """What the hash links stays together; crops that it misses need a decision of their own."""
    folder = DATA / "throat_research"
    assert prepare(folder, "-o", tmp_path / "m.json", "--lq", "lq_*", "--hq", "hq") == 0
    manifest = read_manifest(tmp_path / "m.json")
    counts = {domain: sum(e.domain == domain for e in manifest.entries) for domain in ("lq", "hq", "unsorted")}
    assert counts == {"lq": 56, "hq": 134, "unsorted": 112}
    assert not manifest.unreadable
    assert len({e.group for e in manifest.entries}) == 289
    assert 0.1 < len(manifest.pictures("hq", "held_out")) / 134 < 0.3
