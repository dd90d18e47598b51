"""What the shelves look like: `python -m benchmarks.structure [--repo DIR] [--page before|after]`.

Reads the source of any checkout and imports none of it. For each package of the checkout, and for its tests:

modules    Python files but for `__init__.py`, and the folder that holds most of them directly
units      what lies directly in the package: its modules and folders
arrows     pairs of units of which one imports the other; every import statement counts, those in functions and for
           type checking too, but no name in a string
floors     units on the longest way down the arrows, a circle counted as one
circles    units, and modules, each of which reaches the other ones
longest    file and function in lines, docstrings and comments included
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.page import PAGE
from edge.basics.markdown import replace_section, table
from firmware_bridge.command_line import Parser

HEAD = (
    "package",
    "modules",
    "most in a folder",
    "units",
    "arrows",
    "floors",
    "circles",
    "longest file",
    "longest function",
)
GENERATED = ("build", "dist")
Arrows = Mapping[str, Set[str]]


@dataclass(frozen=True)
class Module:
    """One Python file.

    Attributes:
        name: dotted; a package's `__init__.py` has the package's.
        path: within the checkout.
        num_lines: of the file; longest: of its longest function, and that function's name with its class.
    """

    name: str
    path: Path
    tree: ast.Module
    num_lines: int
    longest: tuple[int, str]

    @property
    def is_init(self) -> bool:
        return self.path.name == "__init__.py"


def packages_of(repo: Path) -> list[str]:
    """Names of the packages at the top of a checkout, and `tests`; what holds no module is left out."""
    found = {path.parent.name for path in repo.glob("*/__init__.py")} | {path.name for path in repo.glob("tests")}
    filled = (name for name in found if any(path.name != "__init__.py" for path in (repo / name).rglob("*.py")))
    return sorted(set(filled) - set(GENERATED))


def modules_of(repo: Path, package: str) -> list[Module]:
    """The modules of one package; raises SyntaxError where one cannot be read."""
    return [_module(repo, path.relative_to(repo)) for path in sorted((repo / package).rglob("*.py"))]


def _module(repo: Path, path: Path) -> Module:
    text = (repo / path).read_text(encoding="utf-8")
    tree = ast.parse(text, str(path))
    parts = path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts
    return Module(".".join(parts), path, tree, len(text.splitlines()), max(_functions(tree), default=(0, "none")))


def _functions(tree: ast.AST, within: str = "") -> Iterator[tuple[int, str]]:
    for node in ast.iter_child_nodes(tree):
        name = within
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{within}.{node.name}".lstrip(".")
            if not isinstance(node, ast.ClassDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1, name
        yield from _functions(node, name)


def imports_of(module: Module, known: Set[str]) -> set[str]:
    """Those of the known modules that a module imports."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = module.name.split(".") if module.is_init else module.name.split(".")[:-1]
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *filter(None, [node.module])])
            wanted = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name for one in wanted if (name := _nearest(one, known))}
    return found


def _nearest(dotted: str, known: Set[str]) -> str:
    """The module that a dotted name is or lies in; empty where it is none of them."""
    while dotted and dotted not in known:
        dotted = dotted.rpartition(".")[0]
    return dotted


def unit_arrows(arrows: Arrows) -> dict[str, set[str]]:
    """From arrows between a package's modules to those between its units."""
    units: dict[str, set[str]] = {}
    for name, imported in arrows.items():
        if "." in name:
            reached = {_unit(one) for one in imported if "." in one}
            units[_unit(name)] = (units.get(_unit(name), set()) | reached) - {_unit(name)}
    return units


def _unit(name: str) -> str:
    return ".".join(name.split(".")[:2])


def circles_of(arrows: Arrows) -> list[list[str]]:
    """Groups of two or more, each of which reaches the other ones; by name."""
    below = {name: _reached(name, arrows) for name in arrows}
    groups = {tuple(sorted({name} | {one for one in below[name] if name in below[one]})) for name in arrows}
    return sorted(list(group) for group in groups if len(group) > 1)


def _reached(start: str, arrows: Arrows) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = arrows[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def num_floors(arrows: Arrows) -> int:
    """Length of the longest way down, a circle counted as one."""
    group = {name: name for name in arrows} | {name: circle[0] for circle in circles_of(arrows) for name in circle}
    below: dict[str, set[str]] = {}
    for name, reached in arrows.items():
        below[group[name]] = below.get(group[name], set()) | {group[one] for one in reached} - {group[name]}

    @cache
    def height(name: str) -> int:
        return 1 + max(map(height, below[name]), default=0)

    return max(map(height, below), default=0)


def row_of(package: str, modules: list[Module]) -> list[object]:
    """One package's figures, in the order of `HEAD`."""
    known = {module.name for module in modules}
    arrows = {module.name: imports_of(module, known) for module in modules}
    units = unit_arrows(arrows)
    plain = [module for module in modules if not module.is_init]
    num_most, folder = max((number, str(path)) for path, number in Counter(one.path.parent for one in plain).items())
    file = max(modules, key=lambda module: module.num_lines)
    function = max(modules, key=lambda module: module.longest)
    circles = circles_of(units) + [one for one in circles_of(arrows) if len({_unit(name) for name in one}) == 1]
    return [
        package,
        len(plain),
        f"{num_most}, {folder}/",
        len(units),
        sum(map(len, units.values())),
        num_floors(units),
        "; ".join(" and ".join(name.removeprefix(f"{package}.") for name in circle) for circle in circles) or "none",
        f"{file.num_lines}, {file.path}",
        f"{function.longest[0]}, {function.longest[1]}",
    ]


def structure_table(repo: Path) -> str:
    """The Markdown table of a checkout."""
    return table(HEAD, [row_of(name, modules_of(repo, name)) for name in packages_of(repo)])


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", type=Path, default=PAGE.parents[1], metavar="DIR", help="a checkout; this one")
    parser.add_argument("--page", choices=("before", "after"), help="renew this table in docs/results.md")
    args = parser.parse_args()
    if not packages_of(args.repo):
        parser.error(f"--repo {args.repo}: no package in it; name the folder of a checkout")
    text = structure_table(args.repo)
    print(text)
    if args.page:
        replace_section(PAGE, f"structure-{args.page}", text)


if __name__ == "__main__":
    main()
