"""The manifest: readable after a kill at any byte, sorted at the end, the same however it came to be."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.batch.manifest import MANIFEST, Manifest, entries_of, entry_of_failure, entry_of_result
from edge.batch.plan import plan


def entry(name: str, page: int = 1, sha256: str = "a") -> Any:
    source = {"path": f"/in/{name}", "sha256": sha256}
    record = {"source": source, "model": {"sha256": "m"}, "output": {"files": [{"name": f"{name}-{page}.png"}]}}
    return entry_of_result(page, record, f"{name}-{page}.json", b"{}")


def written(folder: Path, *entries: Any) -> bytes:
    manifest = Manifest(folder)
    for one in entries:
        manifest.add(one)
    manifest.finish()
    return (folder / MANIFEST).read_bytes()


def test_the_order_in_which_it_came_to_be_does_not_show(tmp_path: Path) -> None:
    entries = [entry("b.tif", 2), entry("b.tif", 10), entry("a.png"), entry_of_failure(Path("/in/c"), 1, None, "why")]
    first = written(tmp_path, *entries)
    assert [(one["source"]["path"], one["page"]) for one in entries_of(tmp_path / MANIFEST) if one] == [
        ("/in/a.png", 1), ("/in/b.tif", 2), ("/in/b.tif", 10), ("/in/c", 1),
    ]  # fmt: skip
    assert written(tmp_path, *entries[::-1]) == first, "over the one that is there"
    assert len({one["sidecar"]["name"] for one in map(entry, "ab")}) == 2


def test_a_later_line_replaces_an_earlier_one(tmp_path: Path) -> None:
    written(tmp_path, entry("a.png"), entry_of_failure(Path("/in/b.png"), 1, None, "damaged"))
    written(tmp_path, entry("b.png", sha256="new"))
    (first, second) = entries_of(tmp_path / MANIFEST)
    assert first == entry("a.png") and second == entry("b.png", sha256="new")


@pytest.mark.parametrize("seed", range(8))
def test_a_kill_at_any_byte_costs_the_line_that_it_fell_into(tmp_path: Path, seed: int) -> None:
    entries = [entry(f"{number}.png") for number in range(9)]
    whole = written(tmp_path, *entries)
    cut = Random(seed).randrange(1, len(whole))
    (tmp_path / MANIFEST).write_bytes(whole[:cut])
    found = [*entries_of(tmp_path / MANIFEST)]
    num_whole = whole[:cut].count(b"\n")
    assert [one for one in found if one is not None] == entries[:num_whole]
    assert len(found) - num_whole == (not whole[:cut].endswith(b"\n"))
    assert written(tmp_path, *entries) == whole


def test_names_that_are_no_utf_8_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "in" / "\udcff.png"
    written(tmp_path, entry_of_failure(path, 1, None, "why"))
    (found,) = entries_of(tmp_path / MANIFEST)
    assert found is not None and found["source"]["path"] == str(path)


def test_it_is_no_input(tmp_path: Path) -> None:
    written(tmp_path, entry("a.png"))
    (tmp_path / "x.png").write_bytes(b"1")
    assert plan([tmp_path], tmp_path / "out").left_out == {}
