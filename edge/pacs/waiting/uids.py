"""The UIDs of what is sent, made of what it is: asked again, whatever was lost meanwhile, they are the same."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable


def uid_of(*words: str) -> str:
    """A UID of our own (2.25, PS3.5 B.2), the same for the same words."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def named(item: str, kind: str, session: str, study_uid: str, views: Iterable[str]) -> dict[str, tuple[str, str]]:
    """View -> UIDs of series and instance; all of a session of one kind and view are one series.

    Args:
        kind: a pair or a recording, as the store says it.
        session: id of the patient session.
    """
    return {
        view: (uid_of("series", study_uid, session, kind, view), uid_of("instance", study_uid, session, item, view))
        for view in views
    }


def captured(uid: str) -> str:
    """Of the secondary capture that stands for an object of which the PACS does not take the kind."""
    return uid_of("secondary capture", uid)
