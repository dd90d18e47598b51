"""A thread that gives way does so alone, and rests where there is too little."""

from __future__ import annotations

import os
import threading

from edge.basics.threads import NICE, Ration, give_way


def test_one_thread_gives_way_and_the_others_do_not() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    found: list[int] = []

    def work() -> None:
        give_way()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [max(NICE, before)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_work_has_its_share_where_there_is_too_little_and_is_free_where_not() -> None:
    now_s, is_scarce = 100.0, False
    ration = Ration(0.1, lambda: is_scarce, 20.0, lambda: now_s)
    ration.worked(0.5)
    assert ration.rest_s() == 0
    is_scarce = True
    assert ration.rest_s() == 5.0
    now_s += 4.0
    assert round(ration.rest_s(), 6) == 1.0
    now_s += 30.0
    assert ration.rest_s() == 0, "what was not used is not owed"
    ration.worked(0.5)
    is_scarce = False
    now_s += 1.0
    assert round(ration.rest_s(), 6) == 4.0, "it stays so for a while"
    now_s += Ration.SCARCE_S
    ration.worked(5.0)
    assert ration.rest_s() == 0
    is_scarce = True
    assert ration.rest_s() == 20.0, "and not fifty"
