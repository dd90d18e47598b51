"""What `make check` runs: the tests that mirror a change, those that import it, and no more than one waits for."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath

import pytest

from tests import changed
from tests.changed import changed_files, concerned

FILES = {
    "README.md": "",
    "edge/live.py": "",
    "edge/web/events.py": "",
    "edge/web/page/app.js": "",
    "edge/models/live/model.json": "",
    "edge/basics/texts.py": "",
    "tests/doubles/studio.py": "from edge.basics import texts\n",
    "tests/edge/basics/test_texts.py": "from edge.basics.texts import age_text\n",
    "tests/edge/models/test_profile.py": "",
    "tests/edge/test_live.py": "import edge.live\n",
    "tests/edge/web/conftest.py": "from tests.doubles.studio import Studio\n",
    "tests/edge/web/test_banner.py": "def test_one():\n    from edge.basics import texts\n",
    "tests/edge/web/test_page.py": "",
    "tests/test_changed.py": "",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A commit on the main branch, and a branch of one's own."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "--initial-branch=main")
    commit(tmp_path)
    git(tmp_path, "switch", "--create", "mine")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    person = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    subprocess.run(["git", "-C", str(folder), *person, *words], check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--message", "more")


def test_what_is_committed_here_changed_or_new_counts_and_what_is_removed_does_not(repository: Path) -> None:
    (repository / "edge/live.py").write_text("LIVE = True\n")
    commit(repository)
    git(repository, "switch", "main")
    (repository / "edge/basics/texts.py").write_text("somebody else's\n")
    commit(repository)
    git(repository, "switch", "mine")
    (repository / "edge/web/events.py").write_text("EVENTS = ()\n")
    (repository / "edge/web/page/app.js").unlink()
    (repository / "edge/fresh.py").write_text("")
    assert list(map(str, changed_files(repository))) == ["edge/fresh.py", "edge/live.py", "edge/web/events.py"]


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        pytest.param("edge/live.py", ["edge/test_live.py"], id="of the same name"),
        pytest.param("edge/web/page/app.js", ["edge/web/test_page.py"], id="of its folder's name"),
        pytest.param("edge/web/events.py", ["edge/web/test_banner.py", "edge/web/test_page.py"], id="in the same room"),
        pytest.param("edge/models/live/model.json", ["edge/models/test_profile.py"], id="in the room above"),
        pytest.param("tests/edge/test_live.py", ["edge/test_live.py"], id="itself"),
        pytest.param("edge/basics/texts.py", ["edge/basics/test_texts.py", "edge/web/test_banner.py"], id="importers"),
        pytest.param(
            "tests/doubles/studio.py", ["edge/web/test_banner.py", "edge/web/test_page.py"], id="through a conftest"
        ),
        pytest.param(
            "tests/edge/web/conftest.py", ["edge/web/test_banner.py", "edge/web/test_page.py"], id="a conftest"
        ),
        pytest.param("README.md", [], id="none"),
    ],
)
def test_a_change_concerns_its_mirror_and_its_importers(repository: Path, path: str, tests: list[str]) -> None:
    found, left_out = concerned(repository, [PurePosixPath(path)])
    assert sorted(map(str, found)) == [f"tests/{name}" for name in tests]
    assert left_out == ""


def test_where_too_many_import_it_the_mirror_alone_runs_and_that_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed, "MOST_FILES", 1)
    found, left_out = concerned(repository, [PurePosixPath("edge/basics/texts.py")])
    assert list(map(str, found)) == ["tests/edge/basics/test_texts.py"]
    assert "2 test files are concerned, more than 1: the 1 run that mirror what changed" in left_out
