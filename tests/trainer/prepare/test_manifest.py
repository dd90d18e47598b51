"""The manifest: what goes in comes out, and what cannot be a training set is refused in one line."""

import hashlib
import json
import shutil
from dataclasses import replace

import pytest

from edge.basics.errors import ConfigError, InputOutputError
from trainer.prepare.manifest import Entry, Manifest, Unreadable, read_manifest, write_manifest

FILES = {"lq/a.png": b"a", "lq/b.png": b"b", "hq/c.png": b"c", "hq/d.png": b"d", "mid/e.png": b"e"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(path: str, split: str = "train", **changes) -> Entry:
    domain = {"mid": "unsorted"}.get(path.partition("/")[0], path.partition("/")[0])
    made = Entry(path, sha256(FILES[path]), 320, 240, path, domain, split, 0.25, 0.5)
    return replace(made, **changes)


@pytest.fixture
def manifest(tmp_path):
    for path, content in FILES.items():
        (tmp_path / "pictures" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / path).write_bytes(content)
    entries = tuple(sorted((entry(path) for path in FILES), key=lambda made: made.path))
    broken = (Unreadable("mid/f.png", "one channel; convert to 8-bit RGB"),)
    return Manifest(tmp_path / "sets" / "throats.json", tmp_path / "pictures", entries, broken)


def test_what_is_written_is_read(manifest):
    write_manifest(manifest)
    assert read_manifest(manifest.path) == manifest


def test_an_entry_is_a_line_in_order_of_path(manifest):
    write_manifest(replace(manifest, entries=manifest.entries[::-1]))
    lines = manifest.path.read_text().splitlines()
    assert [line.split('"')[3] for line in lines if line.startswith('{"path"')] == [*sorted(FILES), "mid/f.png"]
    assert json.loads(manifest.path.read_text())["root"] == "../pictures"


def test_names_of_any_script_and_of_none(manifest):
    odd = "hq/\udcff목.png"  # a byte that is not UTF-8 is a lone surrogate in Python
    entries = (replace(manifest.entries[0], path=odd),)
    write_manifest(replace(manifest, entries=entries))
    assert read_manifest(manifest.path).entries == entries
    assert "목".encode() in manifest.path.read_bytes()
    assert len(read_manifest(manifest.path).sha256) == 64


def test_folder_and_manifest_move_together(manifest, tmp_path, tmp_path_factory):
    write_manifest(manifest)
    there = tmp_path_factory.mktemp("other") / "disk"
    shutil.copytree(tmp_path, there)
    shutil.rmtree(manifest.root)
    moved = read_manifest(there / "sets" / "throats.json")
    moved.verify()
    assert moved.root == there / "pictures"
    assert moved.sha256 == manifest.sha256


def test_a_root_far_away_is_absolute(manifest, monkeypatch):
    monkeypatch.setattr("trainer.prepare.manifest.os.path.commonpath", lambda paths: "/")
    write_manifest(manifest)
    assert json.loads(manifest.path.read_text())["root"] == manifest.root.resolve().as_posix()
    assert read_manifest(manifest.path).root == manifest.root


def test_sha256_is_the_hash_of_sorted_lines(manifest):
    # coreutils: for each file `echo "$(printf CONTENT | sha256sum | cut -d' ' -f1) DOMAIN train PATH"`, then
    #            | LC_ALL=C sort | sha256sum
    assert manifest.sha256 == "7d94c031edf449670dfe26f31efcd0ff4fea0b25c4f879460435317dd0067f58"


@pytest.mark.parametrize(
    "changes, same",
    [
        pytest.param({"path": "hq/renamed.png"}, False, id="renamed"),
        pytest.param({"sha256": sha256(b"other")}, False, id="other picture"),
        pytest.param({"domain": "lq"}, False, id="other domain"),
        pytest.param({"split": "held_out"}, False, id="other side"),
        pytest.param({"haze": 0.3, "focus": 0.1}, True, id="scores"),
        pytest.param({"group": "patient7"}, True, id="name of the group"),
    ],
)
def test_sha256_follows_what_a_run_sees(manifest, changes, same):
    first, *others = manifest.entries
    changed = replace(manifest, entries=(*others, replace(first, **changes)), root=manifest.root.parent)
    assert (changed.sha256 == manifest.sha256) == same


def test_pictures_of_a_domain(manifest):
    assert manifest.pictures("lq", "train") == [manifest.root / "lq/a.png", manifest.root / "lq/b.png"]
    assert manifest.pictures("lq", "held_out", required=False) == []


@pytest.mark.parametrize(
    "domains, domain, split, message",
    [
        pytest.param({}, "lq", "held_out", "domain lq and split held_out; all 2 are train", id="other side"),
        pytest.param({"lq": "unsorted"}, "lq", "train", "3 of 5 are unsorted.*--decision", id="undecided"),
        pytest.param({"lq": "hq"}, "lq", "train", "1 of 5 are unsorted", id="none"),
    ],
)
def test_an_empty_domain(manifest, domains, domain, split, message):
    entries = tuple(replace(e, domain=domains.get(e.domain, e.domain)) for e in manifest.entries)
    with pytest.raises(ConfigError, match=message) as caught:
        replace(manifest, entries=entries).pictures(domain, split)
    assert "throats.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files(manifest):
    manifest.verify()
    for name in ("hq/d.png", "lq/a.png", "mid/e.png"):
        (manifest.root / name).unlink()
    with pytest.raises(InputOutputError, match=r"hq/d\.png: .* and 2 more; .*prepare again") as caught:
        manifest.verify()
    assert "\n" not in str(caught.value)


def test_a_changed_file(manifest):
    (manifest.root / "lq" / "b.png").write_bytes(b"B")
    with pytest.raises(InputOutputError, match=r"lq/b\.png: changed since it was prepared; .*prepare again"):
        manifest.verify()


def broken(text: str, **changes) -> str:
    """The manifest's text with changed top keys; a value of None leaves one out."""
    table = json.loads(text) | changes
    return json.dumps({key: value for key, value in table.items() if value is not None})


def first_entry(text: str, **changes) -> str:
    table = json.loads(text)
    table["entries"][0] |= changes
    table["entries"][0] = {key: value for key, value in table["entries"][0].items() if value is not None}
    return json.dumps(table)


@pytest.mark.parametrize(
    "change, message",
    [
        pytest.param(lambda t: t[:200], "not JSON", id="cut off"),
        pytest.param(lambda t: "[]", "version = None: expected 1", id="a list"),
        pytest.param(lambda t: broken(t, version=2), "version = 2: expected 1", id="newer"),
        pytest.param(lambda t: broken(t, root=None), "key 'root' is missing", id="no root"),
        pytest.param(lambda t: broken(t, rot="x"), "key 'rot' is unknown", id="unknown key"),
        pytest.param(lambda t: broken(t, root=3), "root = 3", id="root no text"),
        pytest.param(lambda t: broken(t, entries={}), "entries = {}: expected a list", id="entries no list"),
        pytest.param(lambda t: broken(t, entries=["a.png"]), r"entries\[0\] = 'a.png': expected an object", id="entry"),
        pytest.param(lambda t: first_entry(t, group=None), r"entries\[0\]\.group is missing", id="key missing"),
        pytest.param(lambda t: first_entry(t, colour=1), r"entries\[0\]\.colour = 1: unknown key", id="key unknown"),
        pytest.param(
            lambda t: first_entry(t, domain="LQ"), r"entries\[0\]\.domain = 'LQ': expected one of lq", id="domain"
        ),
        pytest.param(lambda t: first_entry(t, split="test"), r"entries\[0\]\.split = 'test'", id="split"),
        pytest.param(lambda t: first_entry(t, width_px=0), r"entries\[0\]\.width_px = 0", id="width"),
        pytest.param(lambda t: first_entry(t, haze=float("nan")), r"entries\[0\]\.haze = nan", id="NaN"),
        pytest.param(lambda t: first_entry(t, sha256="12"), "sha256 = '12': expected 64 hex digits", id="sha256"),
        pytest.param(lambda t: first_entry(t, path="../x.png"), "path '../x.png': expected one below", id="above"),
        pytest.param(lambda t: first_entry(t, path="/x.png"), "path '/x.png': expected one below", id="absolute"),
        pytest.param(lambda t: first_entry(t, path="lq/a.png"), "lq/a.png is listed twice", id="twice"),
    ],
)
def test_a_malformed_manifest(manifest, change, message):
    write_manifest(manifest)
    manifest.path.write_text(change(manifest.path.read_text()))
    with pytest.raises(ConfigError, match=message) as caught:
        read_manifest(manifest.path)
    assert "throats.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes, message",
    [
        pytest.param({"group": "patient7"}, "share the group patient7", id="group"),
        pytest.param({"sha256": sha256(b"same")}, r"share the file \(sha256\)", id="file"),
    ],
)
def test_a_leaking_split_is_neither_written_nor_read(manifest, changes, message):
    leaking = (entry("lq/a.png", **changes), entry("lq/b.png", "held_out", **changes))
    with pytest.raises(ConfigError, match=message):
        write_manifest(replace(manifest, entries=leaking))
    assert not manifest.path.exists()
    write_manifest(replace(manifest, entries=tuple(replace(e, split="train") for e in leaking)))
    text = manifest.path.read_text()
    manifest.path.write_text(text.replace('"train"', '"held_out"', 1))
    with pytest.raises(ConfigError, match=message) as caught:
        read_manifest(manifest.path)
    assert "lq/a.png (held_out) and lq/b.png (train)" in str(caught.value)


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(InputOutputError, match=r"none\.json: cannot be read .*edge-train prepare"):
        read_manifest(tmp_path / "none.json")


def test_a_failed_write_leaves_the_old_one(manifest, monkeypatch):
    write_manifest(manifest)
    before = manifest.path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.basics.whole_files.os.fsync", full)
    with pytest.raises(InputOutputError, match=r"throats\.json: cannot be written \(No space left"):
        write_manifest(replace(manifest, entries=manifest.entries[:1]))
    assert manifest.path.read_bytes() == before
    assert len(list(manifest.path.parent.iterdir())) == 1


def test_no_scene_may_be_in_both_domains(manifest):
    manifest.check_domains_apart()
    for changes, is_told in (({}, True), ({"domain": "unsorted"}, False), ({"split": "held_out"}, False)):
        entries = [
            replace(made, group="one", **changes) if made.path == "lq/a.png" else made for made in manifest.entries
        ]
        entries = [replace(made, group="one") if made.path == "hq/c.png" else made for made in entries]
        mixed = replace(manifest, entries=tuple(entries))
        if not is_told:
            mixed.check_domains_apart()
            continue
        with pytest.raises(ConfigError, match=r"hq/c.png \(hq\) and lq/a.png \(lq\) are of one group, one"):
            mixed.check_domains_apart()
