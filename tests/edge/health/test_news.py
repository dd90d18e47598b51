"""The board: who reads a kind hears it, in the thread that posts it, and nobody else does."""

import threading

from edge.health.news import Board, NotSaved, PartChanged, Saved, ViewChanged

EVERY_KIND = (Saved("a.png"), NotSaved("full"), ViewChanged(True, "raw"), PartChanged("heat", "ok", ""))


def test_readers_of_a_kind_hear_it_in_the_order_in_which_they_came():
    board, heard = Board(), []
    board.read(Saved, lambda news: heard.append(("first", news)))
    board.read(Saved, lambda news: heard.append(("second", news)))
    board.read(NotSaved, lambda news: heard.append(("other", news)))
    board.post(Saved("a.png"))
    assert heard == [("first", Saved("a.png")), ("second", Saved("a.png"))]


def test_news_of_every_kind_reach_who_reads_all():
    board, heard = Board(), []
    board.read_all(heard.append)
    for news in EVERY_KIND:
        board.post(news)
    assert heard == list(EVERY_KIND)


def test_who_comes_later_does_not_hear_what_was_before():
    board, heard = Board(), []
    board.post(Saved("a.png"))
    board.read(Saved, heard.append)
    assert heard == []


def test_readers_may_come_while_news_are_posted():
    board, heard = Board(), []

    def post() -> None:
        for number in range(2000):
            board.post(Saved(str(number)))

    poster = threading.Thread(target=post)
    poster.start()
    for _ in range(200):
        board.read(NotSaved, heard.append)
        board.read(Saved, lambda news: None)
    poster.join()
    board.post(NotSaved("full"))
    assert len(heard) == 200
