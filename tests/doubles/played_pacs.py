"""A PACS played by pynetdicom on a free port of the loopback: it refuses, fails and forgets as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, VLEndoscopicImageStorage
from pynetdicom import AE, build_context, evt

from edge.pacs.silence import silence
from edge.pacs.ways.commitment import PUSH_INSTANCE, PUSH_MODEL, VERIFICATION

STILLS = ((VLEndoscopicImageStorage, ExplicitVRLittleEndian),)


class PlayedPacs:
    """Listens until `close`.

    Args:
        kinds: SOP class and transfer syntax of what it takes.
        status: of a C-STORE, by the data set and how many came before; None breaks off.
        failing: what it says of storage commitment: UID -> FailureReason of what it does not keep.
        acting: status of a question about storage commitment, by how many came before; None breaks off.
        commits: whether it offers storage commitment.

    Attributes:
        stored: data sets that it took, by UID, and how often each came.
        asked: lists of UIDs about which it was asked.
        answers: status with which its reports were taken; None where the answer did not come.
    """

    def __init__(
        self,
        *,
        kinds: Sequence[tuple[str, str]] = STILLS,
        status: Callable[[Dataset, int], int | None] = lambda dataset, number: 0,
        failing: Callable[[str], int] = lambda uid: 0,
        acting: Callable[[int], int | None] = lambda number: 0,
        commits: bool = True,
        title: str = "PACS",
        ssl_context: Any = None,
    ) -> None:
        silence()
        self.stored: dict[str, Dataset] = {}
        self.counts: dict[str, int] = {}
        self.asked: list[list[str]] = []
        self.answers: list[int | None] = []
        self._status, self._failing, self._acting, self._number = status, failing, acting, 0
        entity = AE(title)
        entity.require_called_aet = True
        entity.supported_contexts = [build_context(VERIFICATION), *(build_context(*kind) for kind in kinds)]
        if commits:
            entity.add_supported_context(PUSH_MODEL)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_N_ACTION, self._act)]
        self._server = entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=ssl_context
        )
        assert self._server is not None
        self.port = int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()  # type: ignore[union-attr]

    def _store(self, event: Any) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        uid = str(dataset.SOPInstanceUID)
        self.counts[uid] = self.counts.get(uid, 0) + 1
        status = self._status(dataset, self._number)
        self._number += 1
        if status is None:
            event.assoc.abort()
            return 0x0110
        if status == 0 or (status >= 0xB000 and status < 0xC000):
            self.stored[uid] = dataset
        return status

    def _act(self, event: Any) -> tuple[int, None]:
        told = event.action_information
        uids = [str(item.ReferencedSOPInstanceUID) for item in told.ReferencedSOPSequence]
        self.asked.append(uids)
        status = self._acting(len(self.asked) - 1)
        if status is None:
            event.assoc.abort()
        if status != 0:
            return status or 0x0110, None
        report = Dataset()
        report.TransactionUID = told.TransactionUID
        kept = [item for item in told.ReferencedSOPSequence if not self._failing(str(item.ReferencedSOPInstanceUID))]
        lost = [item for item in told.ReferencedSOPSequence if self._failing(str(item.ReferencedSOPInstanceUID))]
        if kept:
            report.ReferencedSOPSequence = kept
        for item in lost:
            item.FailureReason = self._failing(str(item.ReferencedSOPInstanceUID))
        if lost:
            report.FailedSOPSequence = lost
        threading.Timer(0.05, self._report, (event.assoc, report, 2 if lost else 1)).start()
        return 0x0000, None

    def _report(self, association: Any, report: Dataset, kind: int) -> None:
        """On the connection on which it was asked."""
        if association.is_established:
            status, _ = association.send_n_event_report(report, kind, PUSH_MODEL, PUSH_INSTANCE)
            self.answers.append(status.get("Status"))
