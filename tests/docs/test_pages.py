"""What README.md and the pages under docs/ name is there: paths, links, modules, commands and make targets."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.basics.texts import toml_from_text
from tests.paths import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
PACKAGES = ("edge", "trainer", "export", "calib", "firmware_bridge", "benchmarks")
PROJECT = toml_from_text((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))

_PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join((*PACKAGES, 'tests', 'docs'))})/(?:[\w./*-]*[\w/*])?")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MODULE = re.compile(r"(?:python3?|torchrun[^\n`]*|\\\n) +-m ([a-z_][\w.]*)")
_COMMAND = re.compile(r"(?<![\w.-])(?<!-u )(edge-[a-z]+) +(--[a-z][a-z-]*|[a-z][a-z|-]*)(?![\w./])")
_TARGET = re.compile(r"(?:^|[;&|(] *)make((?: +[a-z][a-z-]*)+)")
_TEST = re.compile(r"`(test_\w+)`")


def code_of(text: str) -> list[str]:
    """What stands in backticks, in fences or in indented lines, without the words that explain it."""
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
    indented = re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    lines = [line for block in fenced for line in block.splitlines()] + spans + indented
    return [re.split(r"\s{3,}|\s+#\s", line)[0] for line in lines]


def paths_in(text: str) -> set[str]:
    return set(_PATH.findall(text))


def targets_in(text: str) -> set[str]:
    return {target for line in code_of(text) for words in _TARGET.findall(line) for target in words.split()}


def modules_in(text: str) -> set[str]:
    return set(_MODULE.findall(text))


def anchors_of(page: Path) -> set[str]:
    """What a heading is linked by, as GitHub makes it."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request):
    return request.param


@pytest.fixture
def text(page):
    """Without the table of what the shelves looked like before."""
    return re.sub(r"<!-- begin: structure-before -->.*?<!-- end", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_every_path_exists(text):
    absent = [path for path in sorted(paths_in(text)) if not list(REPOSITORY.glob(path.rstrip("/")))]
    assert not absent


def test_every_link_leads_somewhere(page, text):
    for link in _LINK.findall(text):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


def test_every_module_can_be_run(text):
    for module in modules_in(text):
        if module.split(".")[0] not in (*PACKAGES, "tests"):
            assert find_spec(module.split(".")[0]), f"python -m {module}"
            continue
        path = REPOSITORY / module.replace(".", "/")
        runnable = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        assert runnable.is_file(), f"python -m {module}"
        assert path.is_dir() or '__name__ == "__main__"' in runnable.read_text(encoding="utf-8"), f"python -m {module}"


def test_every_make_target_exists(text):
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert targets_in(text) <= set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def test_every_command_has_the_word_that_follows_it(text, capsys):
    for command, words in sorted({found for line in code_of(text) for found in _COMMAND.findall(line)}):
        module, function = PROJECT["project"]["scripts"][command].split(":")
        with pytest.raises(SystemExit):
            getattr(import_module(module), function)(["--help"])
        message = capsys.readouterr().out
        for word in words.split("|"):
            assert re.search(rf"(?<![\w-]){word}(?![\w-])", message), f"{command} {word}"


def test_every_test_that_is_named_exists(text):
    named = set(_TEST.findall(text))
    there = "\n".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert named <= set(re.findall(r"^def (test_\w+)", there, re.MULTILINE))


def test_the_architecture_has_a_row_for_each_room_in_the_order_of_the_layers():
    rows = re.findall(
        r"^\| *(\d*) *\| `edge/(\w+)(?:/|\.py)` \|", (REPOSITORY / "docs/architecture.md").read_text(), re.M
    )
    found: list[set[str]] = []
    for layer, room in rows:
        if layer:
            assert int(layer) == len(found) + 1
            found.append(set())
        found[-1].add(room)
    (contract,) = (one for one in PROJECT["tool"]["importlinter"]["contracts"] if one.get("containers") == ["edge"])
    assert found == [set(layer.split(" | ")) for layer in contract["layers"]]


def test_the_architecture_names_every_folder_of_code():
    text = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    folders = {
        path.parent.relative_to(REPOSITORY) for name in PACKAGES for path in (REPOSITORY / name).rglob("__init__.py")
    }
    assert not [str(folder) for folder in sorted(folders) if "/" in str(folder) and f"`{folder}/`" not in text]


def test_every_page_that_the_code_cites_exists():
    cited = set()
    for name in (*PACKAGES, "tests"):
        for path in (REPOSITORY / name).rglob("*"):
            if path.suffix in (".py", ".c", ".h", ".sh", ".toml", ".js", ".html"):
                cited |= set(re.findall(r"(?<![\w/])docs/[\w-]+\.md", path.read_text(encoding="utf-8")))
    assert not [name for name in sorted(cited) if not (REPOSITORY / name).is_file()]


MAKE = "    make lint types    style\nmake room for `make venv && ls` and `make live SOURCE=demo:`"
PYTHON = "`OMP_NUM_THREADS=1 python -m benchmarks.runtime.live --fps 3` or 2 -m apart"


@pytest.mark.parametrize(
    ("find", "text", "found"),
    [
        pytest.param(paths_in, "see `edge/live.py`, and edge/web/.", {"edge/live.py", "edge/web/"}, id="paths"),
        pytest.param(paths_in, "/var/lib/edge/x and tests/*/conftest.py", {"tests/*/conftest.py"}, id="not of ours"),
        pytest.param(targets_in, MAKE, {"lint", "types", "venv", "live"}, id="make targets"),
        pytest.param(modules_in, PYTHON, {"benchmarks.runtime.live"}, id="a module"),
    ],
)
def test_what_is_looked_for_is_found(find, text, found):
    assert find(text) == found
