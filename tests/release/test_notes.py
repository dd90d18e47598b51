"""The section of CHANGELOG.md that a release comes with."""

import pytest

from release.notes import notes_of
from release.refusal import Refused

CHANGELOG = """# Changelog

## 1.3.0 (unreleased)

- Comes next.

## 1.2.0 (2026-03-01)

- Does more.
- Mends what hung.

## 1.1.0 (2026-02-01)

## 1.0.0

- The first.
"""


def test_a_release_has_its_own_section_and_no_other():
    assert notes_of(CHANGELOG, "1.2.0") == ("# edge-enhance 1.2.0 (2026-03-01)\n\n- Does more.\n- Mends what hung.\n")
    assert notes_of(CHANGELOG, "1.0.0") == "# edge-enhance 1.0.0\n\n- The first.\n"


def test_a_dev_version_has_the_newest_section_and_says_that_it_is_no_release():
    notes = notes_of(CHANGELOG, "1.3.0.dev4+g1a2b3c4d5")
    assert notes.startswith("# edge-enhance 1.3.0.dev4+g1a2b3c4d5\n\nNot a release") and "Comes next" in notes
    assert "Does more" not in notes


@pytest.mark.parametrize(
    "version, told",
    [
        pytest.param("1.2.1", "no section '## 1.2.1 (DAY)'", id="missing"),
        pytest.param("1.2", "no section '## 1.2 (DAY)'", id="part of another"),
        pytest.param("1.3.0", "says '1.3.0 (unreleased)': write the day", id="unreleased"),
        pytest.param("1.1.0", "section 1.1.0 is empty", id="empty"),
    ],
)
def test_what_is_not_ready_is_refused_in_one_line(version, told):
    with pytest.raises(Refused, match=r"^CHANGELOG\.md") as refused:
        notes_of(CHANGELOG, version)
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_a_changelog_without_sections_is_refused():
    with pytest.raises(Refused, match="has no section"):
        notes_of("# Changelog\n", "1.0.0.dev1")
