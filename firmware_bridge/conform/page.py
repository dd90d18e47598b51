"""`python -m firmware_bridge.conform.page`: renews the table of rules and checks in docs/firmware-protocol.md."""

from __future__ import annotations

from pathlib import Path

from firmware_bridge.conform.suite import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "firmware-protocol.md"
_BEGIN, _END = "<!-- begin: checks -->", "<!-- end: checks -->"


def with_checks(page: str) -> str:
    """The page with its table of checks as they are."""
    head, _, rest = page.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    rows = "".join(f"| `{check.name}` | {check.rule} |\n" for check in CHECKS)
    return f"{head}{_BEGIN}\n| check | rule |\n|---|---|\n{rows}{_END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(with_checks(PAGE.read_text()))
