"""The blocks of a page: what is indented by four spaces is commands, what stands in a fence is not.

A comment on the line above a block of commands, an empty line between: `<!-- not run: WHY -->`, or
`<!-- shortened: WORDS -->`, words that the tests put at the end of each of its command lines.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.paths import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
REASONS = ("hardware", "root", "gpu", "data", "network", "long", "install")
LANGUAGES = ("ini", "json", "mermaid", "nginx", "text", "toml", "yaml")
"""What a fence holds; a fence without a language, or with a shell's, hides commands from the tests."""
_COMMENT = re.compile(r"<!-- (not run|shortened): (.+?) -->")
_SETTING_UP = (".", "cd", "export", "source")
_EXPLAINED = re.compile(r"(?<=\S)\s{2,}.*|\s+#\s.*")


@dataclass(frozen=True)
class Block:
    """Commands of a page.

    Attributes:
        line: of the page, from 1, where it begins.
        why_not: why the tests do not run it, as the comment says; empty where they do.
        shortened: words for the end of each of its command lines.
    """

    page: Path
    line: int
    text: str
    why_not: str = ""
    shortened: str = ""

    @property
    def name(self) -> str:
        return f"{self.page.name}:{self.line}"

    def statements(self) -> list[str]:
        """What the shell takes one by one, without the words that explain it; a loop is one."""
        statements: list[str] = []
        depth, is_open = 0, False
        for line in self.text.splitlines():
            code = line if not line.strip() else _EXPLAINED.sub("", line.rstrip())
            if not code.strip() or code.lstrip().startswith("#"):
                continue
            if depth or is_open:
                statements[-1] += f"\n{code}"
            else:
                statements.append(code)
            is_open = code.endswith("\\")
            depth += len(re.findall(r"(?:^|; )\s*do\b|; do\b", code)) - len(re.findall(r"(?:^|; )\s*done\b", code))
        return statements

    def to_run(self) -> list[str]:
        """Its statements as the tests run them, each with what sets up the shell before it."""
        before: list[str] = []
        asked: list[str] = []
        for statement in self.statements():
            if statement.split()[0] in _SETTING_UP:
                before.append(statement)
            else:
                asked.append("\n".join([*before, f"{statement} {self.shortened}".strip()]))
        return asked


def blocks_in(page: Path, text: str | None = None) -> list[Block]:
    """Every block of commands, in order."""
    lines = (page.read_text(encoding="utf-8") if text is None else text).splitlines()
    blocks: list[Block] = []
    comment: re.Match[str] | None = None
    begin, is_fenced = None, False
    for number, line in enumerate([*lines, "end"], start=1):
        if line.lstrip().startswith("```"):
            is_fenced = not is_fenced
        is_code = not is_fenced and line.startswith("    ") and line.strip() != ""
        if is_code and begin is None:
            begin = number
        elif begin is not None and not is_code and (line.strip() or is_fenced):
            text_of = "\n".join(one[4:] for one in lines[begin - 1 : number - 1]).rstrip()
            said = {comment[1]: comment[2]} if comment else {}
            blocks.append(Block(page, begin, text_of, said.get("not run", ""), said.get("shortened", "")))
            begin, comment = None, None
        if begin is None and line.strip():
            comment = _COMMENT.fullmatch(line.strip())
    return blocks


def fences_in(page: Path) -> list[tuple[str, int, str]]:
    """Language, line and text of each fence."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [(one[1], text.count("\n", 0, one.start()) + 1, one[2]) for one in found]


def simple_commands(statement: str) -> list[list[str]]:
    """The words of each command of a statement, of each side of `&&`, `|` and `;`, of what a loop does."""
    flat = statement.replace("\\\n", " ").replace("\n", " ; ")
    for variable, first in re.findall(r"\bfor (\w+) in ([^\s;]+)", flat):
        flat = re.sub(rf"\$\{{?{variable}\b\}}?", first, flat)
    lexer = shlex.shlex(flat, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    commands: list[list[str]] = [[]]
    try:
        parts = list(lexer)
    except ValueError:  # a quote that does not end: no command, and its first word will say so
        parts = flat.split()
    for word in parts:
        if word and set(word) <= set(";&|"):
            commands.append([])
        else:
            commands[-1].append(word)
    return [words for words in map(_without_prefixes, commands) if words]


def _without_prefixes(words: list[str]) -> list[str]:
    """Without variables, `sudo` and its options, and what redirects."""
    rest = list(words)
    while rest and (rest[0] in ("do", "done", "exec", "sudo", "time", "then") or re.match(r"[A-Z_]+=", rest[0])):
        was_sudo = rest.pop(0) == "sudo"
        while was_sudo and rest and rest[0].startswith("-"):
            rest = rest[2:] if rest[0] == "-u" else rest[1:]
    if rest[:1] == ["for"]:
        return []
    return rest[: next((number for number, word in enumerate(rest) if re.match(r"\d?[<>]", word)), len(rest))]
