"""`python -m edge.config_page`: the table of all settings in docs/reference.md, made of what each says of itself."""

from __future__ import annotations

from pathlib import Path

from edge.basics.markdown import replace_section, table
from edge.basics.settings import Setting, settings_of
from edge.basics.texts import toml_value
from edge.config import Config

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
SECTION = "settings"
MADE_BY = "<!-- Made by `python -m edge.config_page` from edge/config.py; do not edit. -->"


def settings_table() -> str:
    """Every key of edge.toml in Markdown, one a row."""
    head = ("key", "default", "allowed", "what", "option", "changes with")
    return f"{MADE_BY}\n\n{table(head, [*map(_row, settings_of(Config()))])}"


def _row(one: Setting) -> tuple[str, ...]:
    option = f"`{one.rules.option}`" if one.rules.option else ""
    change = "reload" if one.rules.live else "restart"
    return f"`{one.path}`", f"`{toml_value(one.value)}`", one.allowed or "text", one.rules.explain, option, change


def main() -> None:
    replace_section(PAGE, SECTION, settings_table())


if __name__ == "__main__":
    main()
