"""Every command of the pages would be taken as it stands, and names the word where one is mistyped."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from edge.basics.errors import ConfigError
from edge.basics.texts import toml_from_text
from edge.config_file import load_config
from firmware_bridge.command_line import nearest
from tests.docs.blocks import LANGUAGES, PAGES, REASONS, Block, blocks_in, fences_in, simple_commands
from tests.docs.words import TARGETS, VARIABLES, fault_of, is_ours, refusal
from tests.paths import REPOSITORY

COMMANDS = [
    (block, words)
    for page in PAGES
    for block in blocks_in(page)
    for statement in block.statements()
    for words in simple_commands(statement)
]
TOML = [(page, line, text) for page in PAGES for language, line, text in fences_in(page) if language == "toml"]
NOT_CONFIGURATIONS = re.compile(r"^\[(student|idm|isr|data)[.\]]|^\w+ = \{|^users|^\[\[", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_block_is_commands_or_says_what_it_is(page):
    assert {block.why_not for block in blocks_in(page)} <= {"", *REASONS}
    wrong = [f"line {line}: ```{language}" for language, line, _ in fences_in(page) if language not in LANGUAGES]
    assert not wrong, f"{', '.join(wrong)}: indent commands by four spaces; for the rest name one of {LANGUAGES}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_would_be_taken(page, capsys):
    faults = [
        f"{block.name}: {' '.join(words)}: {fault}"
        for block, words in COMMANDS
        if block.page == page and (fault := fault_of(words, capsys))
    ]
    assert not faults, "\n".join(faults)


def mistyped(word: str) -> str:
    """Two of its letters changed places: the first two that differ, behind the first where there are others."""
    letters = list(word)
    begin = next((number for number, letter in enumerate(letters) if letter != "-"), 0)
    for at in [*range(begin + 1, len(letters) - 1), begin]:
        if at + 1 < len(letters) and letters[at] != letters[at + 1]:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
            break
    return "".join(letters)


def word_places(words: list[str]) -> list[int]:
    """Where a command line of ours has an option's name or a command's."""
    options = [at for at, word in enumerate(words) if at and word.startswith("--") and len(word) > 4]
    first = next((at for at, word in enumerate(words) if at and not word.startswith("-")), 0)
    is_command = first and all(word.startswith("-") for word in words[1:first]) and words[first].isalpha()
    is_file = words[0].endswith("edge-enhance") and "--output" in words
    return [*([first] if is_command and not is_file else []), *options]


def test_each_command_and_option_with_two_letters_changed_is_named_with_what_was_meant(capsys):
    slips = {
        (*words[:at], mistyped(words[at]), *words[at + 1 :]): (at, words[at])
        for _, words in COMMANDS
        if is_ours(words)
        for at in word_places(words)
        if "=" not in words[at]
    }
    assert len(slips) > 20
    wrong = []
    for words, (at, meant) in slips.items():
        code, told = refusal(list(words), capsys)
        if code != 2 or told.count("\n") != 1 or repr(words[at]) not in told or f"did you mean {meant!r}?" not in told:
            wrong.append(f"{' '.join(words)}: {code} {told}")
    assert not wrong, "\n".join(wrong)


def test_each_target_and_variable_of_make_is_found_again():
    assert {word: nearest(mistyped(word), TARGETS) for word in TARGETS} == {word: word for word in TARGETS}
    assert {word: nearest(mistyped(word), VARIABLES) for word in VARIABLES} == {word: word for word in VARIABLES}


def of_the_runtime() -> list[tuple[str, str]]:
    return [
        (f"{page.name}:{line}", text)
        for page, line, text in TOML
        if not NOT_CONFIGURATIONS.search(text) and "..." not in text
    ]


def keys_of(text: str) -> list[str]:
    """Every key and table, as in `[web]` and `listen = ...`."""
    return re.findall(r"^\[?([a-z_]+)\]?(?: *=|$)", text, re.MULTILINE)


@pytest.mark.parametrize(("name", "text"), of_the_runtime() or [("none", "")])
def test_each_setting_is_taken_and_mistyped_is_named(name, text, tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text(text, encoding="utf-8")
    toml_from_text(text)
    try:
        load_config(path, {})
    except ConfigError as error:
        assert "unknown key" not in str(error), name
    for key in keys_of(text):
        slip = mistyped(key)
        path.write_text(re.sub(rf"^(\[?){key}\b", rf"\g<1>{slip}", text, count=1, flags=re.MULTILINE), encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            load_config(path, {})
        assert slip in str(error.value) and f"did you mean {key!r}?" in str(error.value)


PAGE = """words

<!-- not run: root -->

    sudo -u edge A=1 make install      explained
    for one in a b; do
      edge-calib capture $one \\
        -o x
    done

<!-- shortened: --steps 3 -->

    cd runs
    # looked at
    edge-train idm a | tee log && ls > there

```toml
    [web]
```
"""


def test_a_page_is_read_as_the_rule_says():
    root, short = blocks_in(REPOSITORY / "README.md", PAGE)
    assert (root.line, root.why_not, short.line, short.shortened) == (5, "root", 13, "--steps 3")
    assert [simple_commands(one) for one in root.statements()] == [
        [["make", "install"]],
        [["edge-calib", "capture", "a", "-o", "x"]],
    ]
    assert short.to_run() == ["cd runs\nedge-train idm a | tee log && ls > there --steps 3"]
    (commands,) = [simple_commands(one) for one in short.statements()[1:]]
    assert commands == [["edge-train", "idm", "a"], ["tee", "log"], ["ls"]]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("edge-enhance model lsit", "unknown command 'lsit'"),
        ("edge-bridge status --jsno", "unknown option '--jsno'"),
        ("make tset", "not in the Makefile"),
        ("make live SORUCE=demo:", "not in the Makefile"),
        ("export/acceptanc.sh", "not in the repository"),
        ("python -m benchmarks.judg", "no such module"),
        ("python -m benchmarks.structure --rep x", "--rep"),
        ("source -> correct -> resize", "no command"),
        ("edge-enhance model list", ""),
    ],
)
def test_what_a_page_may_not_say(line, fault, capsys):
    (words,) = simple_commands(Block(REPOSITORY / "README.md", 1, line).statements()[0].replace(">", ""))
    told = fault_of(words, capsys)
    assert fault in told and bool(fault) == bool(told)


def test_every_two_letters_that_change_places_differ():
    assert [mistyped(word) for word in ("--live", "list", "aab")] == ["--lvie", "lsit", "aba"]
    assert all(mistyped(a + b) != a + b for a, b in pairwise("abcabd") if a != b)
