"""Asks every address that the pages link to whether it is there: make links."""

from __future__ import annotations

import re
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from tests.docs.blocks import PAGES

_LINK = re.compile(r"\]\((https?://[^)\s]+)\)|<(https?://[^>\s]+)>")
_ANSWERED_TO_PEOPLE_ALONE = (401, 403, 405, 406, 429)
"""There, though not for a program."""


def external_links() -> dict[str, str]:
    """Address -> the first page that links to it."""
    found: dict[str, str] = {}
    for page in PAGES:
        for link in _LINK.findall(page.read_text(encoding="utf-8")):
            found.setdefault(link[0] or link[1], page.name)
    return found


def fault_of_form(address: str) -> str:
    """Why an address cannot be right; empty where it can."""
    parts = urlsplit(address)
    if parts.scheme != "https":
        return "is not https"
    if "." not in parts.netloc or not re.fullmatch(r"[A-Za-z0-9.:-]+", parts.netloc):
        return f"{parts.netloc!r} names no machine"
    return "" if address.isascii() and not address.endswith((".", ",")) else "ends in a stop, or is not ASCII"


def fault_online(address: str, patience_s: float = 20.0) -> str:
    """What the net says instead of the page; empty where it is there."""
    request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "Mozilla/5.0 (edge-enhance docs)"})
    try:
        with urllib.request.urlopen(request, timeout=patience_s):
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code in _ANSWERED_TO_PEOPLE_ALONE else f"{error.code} {error.reason}"
    except OSError as error:
        return str(getattr(error, "reason", error))


def main() -> int:
    links = external_links()
    faults = {address: fault for address in links if (fault := fault_of_form(address) or fault_online(address))}
    for address, fault in faults.items():
        sys.stderr.write(f"{links[address]}: {address}: {fault}\n")
    sys.stdout.write(f"{len(links)} addresses, {len(faults)} not there\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
