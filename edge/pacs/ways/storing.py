"""Objects to a PACS by C-STORE."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pynetdicom.presentation import build_context

from edge.pacs.peers import Peer, PeerFailed, associated, status_of
from edge.pacs.ways.forms import CAPTURES, PROPOSED, Form, form_of, in_form_for, name_of, spooled
from edge.pacs.ways.outcome import NotTaken, Outcome, is_refused_kind, outcome_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association


class Storing:
    """An association by which objects go.

    Args:
        folder: for what does not fit into memory.
    """

    def __init__(self, peer: Peer, association: Association, folder: Path) -> None:
        self._peer, self._association, self._folder = peer, association, folder
        self._accepted = {
            (str(one.abstract_syntax), str(one.transfer_syntax[0])) for one in association.accepted_contexts
        }
        self._number = 0

    def send(self, dataset: Dataset) -> Outcome:
        """Send one.

        Raises:
            PeerFailed: the connection was lost; whether the PACS has it, nobody knows.
            OSError: it cannot be put together.
        """
        outcome = self._sent(dataset, self._accepted)
        return self._sent(dataset, self._accepted & {*CAPTURES}) if is_refused_kind(outcome) else outcome

    def _sent(self, dataset: Dataset, accepted: Collection[Form]) -> Outcome:
        fitting = in_form_for(dataset, accepted)
        if fitting is None:
            return NotTaken(f"the PACS does not take this kind: {name_of(form_of(dataset))}", is_rare=True)
        self._number = self._number % 0xFFFF + 1
        with spooled(fitting, self._folder) as path:
            try:
                answer = self._association.send_c_store(path, msg_id=self._number)
            except RuntimeError as error:  # pynetdicom's, where the peer has gone since
                raise PeerFailed(f"{self._peer.name}: it closed the connection") from error
            status = status_of(self._peer, answer)
        return outcome_of(status, str(fitting.SOPInstanceUID), str(fitting.SOPClassUID))


@contextmanager
def storing(peer: Peer, folder: Path) -> Iterator[Storing]:
    """An open way to the PACS. Raises as `associated`."""
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in PROPOSED]
    with associated(peer, contexts) as association:
        yield Storing(peer, association, folder)
