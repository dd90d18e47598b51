"""Sends what is due: an item after the other, each object of it once, and the queue knows what became of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from typing import Protocol

from pydicom.dataset import Dataset

from edge.basics.errors import ConfigError, InputOutputError
from edge.config import PacsConfig
from edge.pacs.patience import wait_after
from edge.pacs.peers import PeerFailed, pacs_peer
from edge.pacs.waiting.database import DatabaseFailed
from edge.pacs.waiting.queue import Entry, Queue
from edge.pacs.ways.objects import DicomObject, NoObject, StepOf, no_step, objects_of
from edge.pacs.ways.outcome import NotTaken, Outcome
from edge.pacs.ways.storing import storing
from edge.pacs.ways.stow import Stow, service_of
from edge.saving.store import Store

log = logging.getLogger(__name__)


class Way(Protocol):
    """By which objects go."""

    def send(self, dataset: Dataset) -> Outcome: ...


class Delivery:
    """To the PACS of one configuration.

    Args:
        serial: of the camera unit.
        is_ended: whether to stop after the item that is sent now.
        on_item: called after each item.
        step_of: tells in which performed procedure step something was saved.
    """

    def __init__(
        self,
        config: PacsConfig,
        serial: str,
        store: Store,
        queue: Queue,
        is_ended: Callable[[], bool],
        on_item: Callable[[], None],
        step_of: StepOf = no_step,
    ) -> None:
        self._config, self._serial, self._store, self._queue = config, serial, store, queue
        self._is_ended, self._on_item, self._step_of = is_ended, on_item, step_of

    def send(self, due: Sequence[Entry]) -> None:
        """Raises PeerFailed where the PACS is not there, or is lost."""
        with self._way() as way:
            for _, found in groupby(due, lambda one: one.item):
                self._send_item(way, [*found])
                self._on_item()
                if self._is_ended():
                    return

    def _send_item(self, way: Way, wanted: Sequence[Entry]) -> None:
        left = {one.view: one for one in wanted}
        try:
            with objects_of(
                self._store, wanted, self._queue.of(wanted[0].item), self._serial, self._config.path, self._step_of
            ) as objects:
                for view, parts in groupby(objects, lambda one: one.view):
                    self._send_view(way, left[view], parts)
                    del left[view]
            for entry in left.values():
                self._failed(entry, "no object could be made of it")
        except NoObject as error:
            for entry in left.values():
                self._failed(entry, str(error))
        except PeerFailed:
            if left:  # what ends a connection each time shall not stand in the way of all others
                entry = next(iter(left.values()))
                self._queue.later(
                    entry, "the connection was lost while it was sent", time.time() + wait_after(entry.tries)
                )
            raise
        except (ConfigError, DatabaseFailed):  # of no item
            raise
        except (OSError, InputOutputError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            for entry in left.values():
                self._queue.later(entry, f"cannot be put together: {reason}", time.time() + wait_after(entry.tries))
        except Exception as error:  # noqa: BLE001 - its text and its traceback may name the patient
            for entry in left.values():
                self._failed(entry, f"unexpected {type(error).__name__}")

    def _send_view(self, way: Way, entry: Entry, parts: Iterable[DicomObject]) -> None:
        """One object, or the parts of a long clip; those that the PACS has are not sent again."""
        taken = self._queue.taken(entry)
        for made in parts:
            if made.uid in taken:
                continue
            outcome = way.send(made.dataset)
            if isinstance(outcome, NotTaken):
                self._not_taken(entry, outcome)
                return
            self._queue.took(entry, made.uid, outcome.uid, outcome.sop_class)
        self._queue.sent(entry)
        log.info("pacs: sent %s, %s", entry.item, entry.view)

    def _not_taken(self, entry: Entry, outcome: NotTaken) -> None:
        if outcome.is_final:
            self._failed(entry, outcome.reason)
        else:
            wait_s = wait_after(entry.tries, is_rare=outcome.is_rare)
            self._queue.later(entry, outcome.reason, time.time() + wait_s)

    def _failed(self, entry: Entry, reason: str) -> None:
        self._queue.failed(entry, reason)
        log.error("pacs: %s, %s: %s; edge-enhance pacs retry sends it again", entry.item, entry.view, reason)

    @contextmanager
    def _way(self) -> Iterator[Way]:
        if self._config.stow:
            with closing(Stow(service_of(self._config), self._config.path)) as stow:
                yield stow
        else:
            with storing(pacs_peer(self._config), self._config.path) as way:
                yield way
