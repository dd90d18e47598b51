"""`python -m edge.models.card_page`: what the manifests of shipped profiles say, for the pages of their cards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge.basics.markdown import replace_section, table
from edge.models.card import Card, card_of
from edge.models.manifest import read_manifest
from edge.models.profile import MANIFEST_NAME, SHIPPED

DOCS = Path(__file__).parents[2] / "docs"
SECTION = "manifests"
MADE_BY = "<!-- Made by `python -m edge.models.card_page` from the manifests; do not edit. -->"
NOT_SHIPPED = "not shipped with this version"
PAGES: Mapping[str, tuple[str, ...]] = {
    "model-card.md": ("live", "live-fast"),
    "model-card-miinet.md": ("miinet", "miinet-guided", "cyclegan"),
}
"""Page of `docs/` -> profiles that it is the card of."""


def section(profiles: tuple[str, ...], root: Path = SHIPPED) -> str:
    """What `edge-enhance model show` tells of each, side by side.

    Raises:
        ModelError: a manifest cannot be read.
    """
    cards = {name: _card(root / name) for name in profiles}
    told = {name: _facts(card) for name, card in cards.items()}
    labels = dict.fromkeys(label for facts in told.values() for label in facts)
    rows = [[label, *(facts.get(label, "") for facts in told.values())] for label in labels]
    return f"{MADE_BY}\n\n{table(['', *(f'`{name}`' for name in profiles)], rows)}"


def _card(folder: Path) -> Card | None:
    return card_of(read_manifest(folder / MANIFEST_NAME)) if (folder / MANIFEST_NAME).exists() else None


def _facts(card: Card | None) -> Mapping[str, str]:
    """Label -> text; of a network for each picture, several under one label are joined."""
    if card is None:
        return {"version": NOT_SHIPPED}
    facts = {"version": card.version, "sha256": f"`{card.sha256[:16]}`"}
    for label, text in card.facts():
        told = text.replace("|", "\\|")
        facts[label] = f"{facts[label]}; {told}" if label in facts else told
    return facts


def main() -> None:
    for page, profiles in PAGES.items():
        replace_section(DOCS / page, SECTION, section(profiles))


if __name__ == "__main__":
    main()
