"""`edge-enhance archive verify`: what is wrong with a folder is told by file, and nothing where nothing is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.batch import passing_folder
from edge.batch import verify as verify_module
from edge.batch.archive_command import main
from edge.batch.manifest import MANIFEST
from edge.batch.verify import verify
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.marks import png_bytes
from tests.doubles.dicom_objects import dicom_video

if TYPE_CHECKING:
    from tests.doubles.files_bench import Bench


def change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def as_made(folder: Path, name: str, content: bytes) -> None:
    """Put a file in the place of a result, and into the manifest as if it had been made so."""
    (folder / name).write_bytes(content)
    lines = [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]
    for line in lines:
        for file in line.get("outputs", []):
            if file["name"] == name:
                file.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (folder / MANIFEST).write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def black(folder: Path) -> None:
    as_made(folder, "throat-enhanced.png", png_bytes(np.zeros(FRAME_SHAPE, np.uint8), "mode=enhanced"))


def small(folder: Path) -> None:
    as_made(folder, "throat-enhanced.png", png_bytes(np.full((54, 96, 3), 9, np.uint8), "mode=enhanced"))


def no_picture(folder: Path) -> None:
    as_made(folder, "throat-enhanced.png", b"\x89PNG no more")


def torn(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes()[:-5])


def leads_out(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_text(path.read_text().replace("throat-raw.png", "../throat-raw.png"))


@pytest.mark.parametrize(
    ("harm", "name", "why"),
    [
        (lambda folder: (folder / "throat-raw.png").unlink(), "throat-raw.png", "is missing"),
        (lambda folder: (folder / "throat-raw.png").write_bytes(b"1"), "throat-raw.png", "has 1 bytes, expected "),
        (lambda folder: change(folder / "throat-raw.png"), "throat-raw.png", "has other content"),
        (lambda folder: change(folder / "throat-enhanced.png.json"), "throat-enhanced.png.json", "has other content"),
        (black, "throat-enhanced.png", "is of one colour, and its original is not"),
        (small, "throat-enhanced.png", "is 96x54 px, expected 1920x1080"),
        (no_picture, "throat-enhanced.png", "cannot be decoded: "),
        (torn, MANIFEST, "has a line that cannot be read"),
        (leads_out, "../throat-raw.png", "is no name in this folder"),
    ],
    ids=["missing", "size", "hash", "sidecar", "black", "dimensions", "no picture", "torn", "elsewhere"],
)  # fmt: skip
def test_each_fault_is_told_with_its_file(bench: Bench, harm: Callable[[Path], Any], name: str, why: str) -> None:
    bench.run(bench.picture())
    harm(bench.output)
    (fault,) = verify(bench.output)
    assert fault.name == name and fault.why.startswith(why)


def test_a_sound_folder_has_none_and_a_black_original_is_none(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.picture()
    bench.picture("flat.png", level=7, column=False)
    (bench.originals / "broken.png").write_bytes(b"\x89PNG no more")
    bench.clip()
    bench.run()
    assert [*verify(bench.output)] == []
    assert main(["verify", str(bench.output)]) == 0
    assert capsys.readouterr().out == "3 results are whole; 1 inputs came to nothing, as it says\n"
    (bench.output / "flat-raw.png").unlink()
    assert main(["verify", str(bench.output)]) == 1
    assert capsys.readouterr().out.splitlines()[0] == f"{bench.output / 'flat-raw.png'}: is missing"


@pytest.mark.parametrize("has_memory", [True, False], ids=["in memory", "beside it"])
def test_a_video_of_dicom_is_looked_at_in_memory_or_beside_it_and_nothing_stays(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_memory: bool
) -> None:
    dicom_video(bench.originals)
    bench.run()
    memory, places = tmp_path / "memory", list[Path]()
    memory.mkdir()
    monkeypatch.setattr(verify_module, "MEMORY", memory)
    monkeypatch.setattr(passing_folder, "ENOUGH_BYTES", 0 if has_memory else 1 << 60)
    see_clip = verify_module.see_clip
    monkeypatch.setattr(verify_module, "see_clip", lambda path: (places.append(path), see_clip(path))[1])
    assert [*verify(bench.output)] == []
    assert [path.parent.parent for path in places] == [memory if has_memory else bench.output]
    assert list(memory.iterdir()) == []
    assert [path.name for path in bench.output.iterdir() if path.name.startswith(".")] == []
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, how: path != bench.output and access(path, how))
    told = [fault.why for fault in verify(bench.output)]
    expected = f"cannot be decoded: nothing can be written beside it, and {memory} has too little room for its video"
    assert told == ([] if has_memory else [expected])


def test_a_folder_without_a_manifest_is_refused(bench: Bench) -> None:
    with pytest.raises(InputOutputError, match=r"manifest\.jsonl: .*expected a folder"):
        [*verify(bench.originals)]
