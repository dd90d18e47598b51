"""Root gives up being root before it works in another user's folder."""

from __future__ import annotations

import codecs
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.folders import owner_of


@dataclass(frozen=True)
class Account:
    """A user, as a process becomes one. Attributes: groups: all of them, its own included."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def account_of(uid: int, gid: int) -> Account:
    """The account of a user; one that is in no list of users has the group given and no other."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, gid, (gid,))
    return Account(entry.pw_name, uid, entry.pw_gid, tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)))


def become_owner_of(folder: Path) -> str:
    """Where root runs this: become, for good, the user who owns a folder, or the nearest one above it that is there.

    From then on nothing that was put there leads to more than that user may do. What only root can read is opened
    before.

    Returns:
        The user's name; empty where this process is not root's, or the folder is.

    Raises:
        InputOutputError: a link that another user can set leads there.
    """
    if os.geteuid() != 0:
        return ""
    try:
        about = owner_of(folder)
    except OSError as error:
        raise InputOutputError(f"{error.filename or folder}: {error.strerror}") from error
    if about.st_uid == 0:
        return ""
    account = account_of(about.st_uid, about.st_gid)
    _load_ahead()
    become(account)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):  # root's, which are closed now
        os.environ.pop(name, None)
    return account.name


def become(account: Account) -> None:
    """Give up being root for good, as another user with that user's groups."""
    os.setgroups(account.groups)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)


def _load_ahead() -> None:
    """Load what Python loads when it is first used: its own folder may be closed to that user."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    del serialization, ed25519
    for encoding in ("ascii", "idna", "latin-1", "utf-8"):
        codecs.lookup(encoding)
