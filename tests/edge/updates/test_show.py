"""`edge-enhance model show`: any profile that somebody can name, without trusting it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.models.bundle import BUNDLE_NAME
from edge.models.profile import SHIPPED, load_profile
from edge.updates.command import main
from export.on_unit.bundle import write_bundle

ADVICE = "comparison only: not good enough to help"
Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    monkeypatch.chdir(tmp_path)

    def shown(*words: object) -> tuple[int, str, str]:
        code = main(["show", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err

    return shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A profile of somebody's own."""
    made = tmp_path / "made" / "miinet"
    shutil.copytree(SHIPPED / "live-fast", made)
    manifest = json.loads((made / "model.json").read_text())
    (made / "model.json").write_text(json.dumps({**manifest, "profile": "miinet", "advice": ADVICE}))
    return made


@pytest.fixture
def bundle(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "miinet-1.bundle"
    write_bundle(load_profile("miinet", (folder.parent,)), path)
    return path


def test_a_shipped_one_by_name(ask: Ask) -> None:
    code, out, _ = ask("live")
    lines = out.splitlines()
    assert code == 0 and lines[0] == "profile: live"
    assert "detail: draws no detail: every edge is the camera's; brightness and colour are estimated" in lines
    assert "vouched for: came with the program" in lines
    assert not any(line.startswith("advice") for line in lines)


def test_a_folder_and_a_file_in_it(ask: Ask, folder: Path) -> None:
    for what in (folder, folder / "model.onnx", folder / "model.json"):
        code, out, _ = ask(what)
        assert code == 0 and "profile: miinet\n" in out and f"advice: {ADVICE}\n" in out
        assert "vouched for: nobody: " in out


def test_a_bundle_before_it_is_installed(ask: Ask, bundle: Path) -> None:
    code, out, _ = ask(bundle)
    assert code == 0 and f"advice: {ADVICE}\n" in out and f"place: {bundle}\n" in out
    assert "vouched for: nobody: " in out and "nobody signed it" in out


def test_for_programs(ask: Ask, bundle: Path) -> None:
    code, out, _ = ask(bundle, "--json")
    told = json.loads(out)
    assert (code, told["profile"], told["advice"], told["place"]) == (0, "miinet", ADVICE, str(bundle))
    assert told["figures"][0]["unit"] == "dB"


def test_a_name_wins_over_a_file_so_called(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "live").write_text("no profile")
    code, out, _ = ask("live")
    assert code == 0 and "vouched for: came with the program" in out
    code, _, err = ask("./live")
    assert code == 78 and err.startswith("edge-enhance model: live: ")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("lvie", "; did you mean 'live'?"), ("live_fast", "; did you mean 'live-fast'?"), ("zzz", ""), ("x" * 5000, "")],
)
def test_an_unknown_one_is_told_in_one_line(ask: Ask, name: str, hint: str) -> None:
    code, out, err = ask(name)
    assert (code, out) == (78, "") and err.count("\n") == 1 and len(err) < 500
    assert (
        ": not found; known profiles: cyclegan, live" in err and hint in err and ("did you mean" in err) == bool(hint)
    )


def test_a_damaged_folder_is_told(ask: Ask, folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no graph")
    code, _, err = ask(folder)
    assert code == 78 and "model.onnx: sha256 is" in err


@pytest.mark.parametrize("place", [200_000, 500_000])
def test_of_a_damaged_bundle_nothing_is_shown(ask: Ask, bundle: Path, place: int) -> None:
    content = bytearray(bundle.read_bytes())
    content[place] ^= 1
    bundle.write_bytes(content)
    code, out, err = ask(bundle)
    assert (code, out) == (78, "") and "its sha256 is not as announced" in err


def test_of_a_cut_bundle_nothing_is_shown(ask: Ask, bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes()[:300_000])
    code, out, err = ask(bundle)
    assert (code, out) == (78, "") and "cut within" in err


def test_what_a_bundle_announces_is_what_its_manifest_says(ask: Ask, folder: Path, bundle: Path) -> None:
    content = bundle.read_bytes()
    assert content[:512].startswith(BUNDLE_NAME.encode())
    bundle.write_bytes(content.replace(b'"version": "1",\n "model_sha256"', b'"version": "7",\n "model_sha256"', 1))
    code, _, err = ask(bundle)
    assert code == 78 and "its manifest has version '1', the bundle says '7'" in err
