"""The section of CHANGELOG.md that tells of a version."""

from __future__ import annotations

import re

from release.refusal import Refused
from release.version import is_release

UNRELEASED = "unreleased"
_HEADING = re.compile(r"^## +(?P<version>\S+)(?: +\((?P<when>[^)]*)\))?[ \t]*$", re.MULTILINE)


def notes_of(changelog: str, version: str) -> str:
    """Heading and lines of that version; of a dev version the newest section, whatever it is called.

    A release's heading is `## 1.2.3 (2026-03-01)`; without a section, or where that says `unreleased`, it is refused.
    """
    headings = list(_HEADING.finditer(changelog))
    if not headings:
        raise Refused("CHANGELOG.md has no section; write one: ## 1.2.3 (2026-03-01), with a line for each change")
    ends = [one.start() for one in headings[1:]] + [len(changelog)]
    sections = [
        (one["version"], one["when"], changelog[one.end() : end].strip())
        for one, end in zip(headings, ends, strict=True)
    ]
    if not is_release(version):
        return f"# edge-enhance {version}\n\nNot a release: it comes before or after one.\n\n{sections[0][2]}\n"
    for name, when, text in sections:
        if name == version:
            if when == UNRELEASED:
                raise Refused(
                    f"CHANGELOG.md says '{name} (unreleased)': write the day there, commit, tag v{name} again"
                )
            if not text:
                raise Refused(f"CHANGELOG.md's section {name} is empty: write what changed, commit, tag v{name} again")
            return f"# edge-enhance {version}{f' ({when})' if when else ''}\n\n{text}\n"
    raise Refused(f"CHANGELOG.md has no section '## {version} (DAY)': write it, commit, tag v{version} again")
