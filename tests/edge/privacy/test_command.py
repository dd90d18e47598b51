"""`edge-enhance privacy`: keys are made once, and files from the disk come out as they went in, or not at all."""

from __future__ import annotations

import faulthandler
import os
from pathlib import Path

import pytest

from edge.basics.errors import EdgeError
from edge.cli import main
from edge.clips.formats import refuse_unlike_a_clip
from edge.pictures.reading.picture_file import PictureFile
from edge.saving.at_rest import AtRest
from edge.saving.sealing import keys
from edge.saving.sealing.keys import Key, key_of
from edge.saving.sealing.sealed import CHUNK_BYTES

NAME, CLIP = "throat-20260504T030201.678Z-000007-raw.png", "throat-20260504T030201.678Z-recording-raw.mp4"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "unit.key"
    assert main(["privacy", "make-key", str(path)]) == 0
    return path


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard error that a test reads has no descriptor."""
    monkeypatch.setattr(faulthandler, "enable", lambda: None)


def sealed(folder: Path, key: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(AtRest(key_of("key", str(key))).content(name, content))
    return path


def decrypt(*words: object) -> int:
    return main(["privacy", "decrypt", *map(str, words)])


def test_a_key_is_made_for_its_owner_alone_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "unit.key"
    assert main(["privacy", "make-key", str(key)]) == 0
    made = key_of("privacy.key", str(key))
    said = capsys.readouterr().out
    assert made.id.hex() in said and made.material.hex() not in said
    assert key.stat().st_mode & 0o077 == 0
    before = key.read_bytes()
    assert main(["privacy", "make-key", str(key)]) == 74
    assert key.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_service_may_read_the_key_that_root_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "GROUP", "daemon")
    keys.make_key(tmp_path / "k")
    about = (tmp_path / "k").stat()
    assert (about.st_mode & 0o777, about.st_uid) == (0o640, 0) and about.st_gid != 0


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("00" * 32, 0o644, "others may read it"),
        ("00" * 32, 0o660, "group write it"),
        ("00" * 31, 0o600, "64 hex digits"),
        ("", 0o600, "64 hex digits"),
        (None, 0o600, "cannot be read"),
    ],
)
def test_a_key_that_cannot_be_taken_ends_a_start_with_78_and_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, mode: int, words: str
) -> None:
    path, config = tmp_path / "k", tmp_path / "edge.toml"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    config.write_text(f'[privacy]\nkey = "{path}"\n[save]\nfolder = "{tmp_path / "kept"}"\n')
    assert main(["--live", "--config", str(config)]) == 78
    said = capsys.readouterr().err
    assert words in said and "privacy.key" in said and said.count("\n") == 1
    assert not content or content not in said


@pytest.mark.usefixtures("captured")
def test_a_start_with_another_key_than_the_files_is_refused(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    path = sealed(kept, key, NAME, b"picture")
    before = path.read_bytes()
    other = tmp_path / "other.key"
    assert main(["privacy", "make-key", str(other)]) == 0
    config = tmp_path / "edge.toml"
    for privacy in (f'key = "{other}"', ""):
        config.write_text(f'[privacy]\n{privacy}\n[save]\nfolder = "{kept}"\n')
        capsys.readouterr()
        assert main(["--live", "--config", str(config)]) == 78
        assert "privacy.old_keys" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_key_from_systemd_is_found(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert key_of("privacy.key", "$CREDENTIALS_DIRECTORY/unit.key") == key_of("privacy.key", str(key))


def test_files_come_out_as_they_went_in(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = os.urandom(CHUNK_BYTES + 5)
    path = sealed(tmp_path, key, NAME, content)
    copy = path.rename(tmp_path / "copy (1).png")
    plain = tmp_path / "before.png"
    plain.write_bytes(b"never encrypted")
    out = tmp_path / "out"
    assert decrypt(copy, plain, "--output", out, "--key", key) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {NAME: content, plain.name: b"never encrypted"}
    assert "was called copy (1).png" in capsys.readouterr().out
    assert decrypt(copy, "--output", out, "--key", key) == 1
    assert "is there already" in capsys.readouterr().err


def test_of_a_clip_that_was_cut_what_is_whole_comes_out(tmp_path: Path, key: Path) -> None:
    clip = sealed(tmp_path, key, CLIP, bytes(2 * CHUNK_BYTES))
    clip.write_bytes(clip.read_bytes()[:-100])
    picture = sealed(tmp_path, key, NAME, bytes(2 * CHUNK_BYTES))
    picture.write_bytes(picture.read_bytes()[:-100])
    out = tmp_path / "out"
    assert decrypt(clip, picture, "--output", out, "--key", key) == 1
    assert [path.name for path in out.iterdir()] == [CLIP]
    assert (out / CLIP).read_bytes() == bytes(CHUNK_BYTES)


def test_who_takes_one_for_a_picture_or_a_clip_is_told(tmp_path: Path, key: Path) -> None:
    with pytest.raises(EdgeError, match="edge-enhance privacy decrypt"):
        PictureFile(sealed(tmp_path, key, NAME, b"picture").read_bytes(), NAME)
    with pytest.raises(EdgeError, match="edge-enhance privacy decrypt"):
        refuse_unlike_a_clip(sealed(tmp_path, key, CLIP, b"clip"))


@pytest.mark.parametrize("name", ["../out.png", "..", "a/b", ".hidden\0"])
def test_a_name_that_is_none_leads_nowhere(tmp_path: Path, key: Path, name: str) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(AtRest(key_of("key", str(key))).content(name, b"content"))
    assert decrypt(path, "--output", tmp_path / "out", "--key", key) == 1
    assert not list((tmp_path / "out").iterdir())
    assert not (tmp_path / "out.png").exists()


def test_the_key_shows_itself_nowhere(key: Path) -> None:
    made = Key(bytes(range(32)))
    assert made.material.hex() not in repr(made) and "\\x1f" not in repr(made) and "\\x1f" not in str([made])
