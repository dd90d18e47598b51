"""Performed procedure steps to a peer (PS3.4 annex F): N-CREATE when one begins, N-SET when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynetdicom.presentation import build_context

from edge.dicom.origin import MPPS
from edge.pacs.peers import NothingAccepted, Peer, PeerFailed, associated, status_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID
    from pynetdicom.association import Association

_DONE = (0x0000, 0x0001, 0x0107, 0x0116)
"""Success, and warnings that something optional was left out."""
_DUPLICATE, _NO_SUCH, _FAILED = 0x0111, 0x0112, 0x0110
_ENDED = 0xA710
"""Error id: the step may no longer be updated (PS3.4 table F.7.2-2): it has its end already, which is ours."""
_FINAL = {
    0x0105: "an attribute that it does not know",
    0x0106: "a value that it takes to be wrong",
    0x0117: "the step's UID",
    0x0119: "the kind",
    0x0120: "that an attribute is missing",
    0x0121: "that a value is missing",
    0x0212: "the argument",
}
_RARE = (0x0118, 0x0122, 0x0124, 0x0211)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of telling.

    Attributes:
        reason: in words, of nobody; "" where the peer has it.
        is_final: it will not be taken at another time either.
        is_rare: only somebody who changes the peer changes that.
        is_unknown: the peer has no such step.
    """

    reason: str = ""
    is_final: bool = False
    is_rare: bool = False
    is_unknown: bool = False


class Telling:
    """An association by which steps are told. Both methods raise PeerFailed where it is lost."""

    def __init__(self, peer: Peer, association: Association) -> None:
        self._peer, self._association = peer, association

    def begin(self, uid: str, step: Dataset) -> Told:
        """N-CREATE. One that is there already is ours: nobody else makes such a UID."""
        status, _ = self._asked(self._association.send_n_create, uid, step)
        return Told() if status == _DUPLICATE else _told(status, "does not begin the step")

    def end(self, uid: str, step: Dataset) -> Told:
        """N-SET. One that has its end already has ours."""
        status, answer = self._asked(self._association.send_n_set, uid, step)
        if status == _FAILED and answer.get("ErrorID") == _ENDED:
            return Told()
        return _told(status, "does not end the step")

    def _asked(
        self, send: Callable[[Dataset, UID, str], tuple[Dataset, Dataset | None]], uid: str, step: Dataset
    ) -> tuple[int, Dataset]:
        try:
            answer, _ = send(step, MPPS, uid)
        except RuntimeError as error:
            raise PeerFailed(f"{self._peer.name}: it closed the connection") from error
        return status_of(self._peer, answer), answer


@contextmanager
def telling(peer: Peer) -> Iterator[Telling]:
    """An open way to the peer. Raises as `associated`."""
    try:
        with associated(peer, [build_context(MPPS)]) as association:
            yield Telling(peer, association)
    except NothingAccepted as error:
        raise PeerFailed(
            f"{peer.name}: offers no MPPS to {peer.own_ae_title!r}: have it allowed there, or empty [worklist] mpps"
        ) from error


def _told(status: int, words: str) -> Told:
    if status in _DONE or 0xB000 <= status <= 0xBFFF:
        return Told()
    if status == _NO_SUCH:
        return Told(f"the peer has no such step: status {status:#06x}", is_unknown=True)
    if status in _FINAL:
        return Told(f"the peer {words}: it refuses {_FINAL[status]}, status {status:#06x}", is_final=True)
    return Told(f"the peer {words}: status {status:#06x}", is_rare=status in _RARE)
