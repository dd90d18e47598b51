"""MJPEG as cameras really send it, cut into chunks wherever the network cuts it."""

import numpy as np
import pytest
import simplejpeg

from edge.sources.network.multipart import MAX_PICTURE_BYTES, MultipartReader

JPEGS = [
    simplejpeg.encode_jpeg(np.random.default_rng(seed).integers(0, 256, (32, 48, 3), np.uint8), 80) for seed in range(5)
]
TYPE = b"Content-Type: image/jpeg\r\n"


def stream(head, tail=b"\r\n", *, delimiter=b"--frame", newline=b"\r\n"):
    return b"".join(delimiter + newline + head(jpeg) + jpeg + tail for jpeg in JPEGS) + delimiter + newline


FULL = stream(lambda jpeg: TYPE + b"Content-Length: %d\r\n\r\n" % len(jpeg))
STREAMS = {
    "full headers": ("frame", FULL),
    "boundary announced with its dashes": ("--frame", FULL),
    "another boundary announced": ("nonsense", FULL),
    "none announced": ("", FULL),
    "type alone": ("frame", stream(lambda _: TYPE + b"\r\n")),
    "no headers": ("frame", stream(lambda _: b"\r\n")),
    "the picture right after the boundary": ("frame", stream(lambda _: b"")),
    "bare line feeds": ("frame", stream(lambda _: b"\n", b"\n", newline=b"\n")),
    "lower case, spaces": ("frame", stream(lambda jpeg: b"content-length:   %d  \r\n\r\n" % len(jpeg))),
    "a length that is wrong": ("frame", stream(lambda _: b"Content-Length: 999999\r\n\r\n")),
    "no boundaries at all": ("", b"".join(JPEGS)),
}


@pytest.mark.parametrize("chunk", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize("name", STREAMS)
def test_every_picture_comes_out_whole(name, chunk):
    boundary, content = STREAMS[name]
    reader = MultipartReader(boundary)
    found = []
    for at in range(0, len(content), chunk):
        is_last = at + chunk >= len(content)
        found += [part.jpeg for part in reader.feed(content[at : at + chunk], 0, is_all=is_last)]
    assert found == JPEGS


def test_a_picture_with_its_length_is_given_before_the_next_boundary_and_keeps_its_times():
    reader = MultipartReader("frame")
    jpeg = JPEGS[0]
    head = b"--frame\r\nX-Timestamp: 12.5\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
    assert list(reader.feed(head + jpeg[:100], 11, is_all=True)) == []
    (part,) = reader.feed(jpeg[100:], 22, is_all=True)
    assert (part.jpeg, part.time_s, part.began_ns) == (jpeg, 12.5, 11)


def test_a_cut_picture_spoils_no_other_though_its_length_is_that_of_the_whole():
    heads = [b"--frame\r\nContent-Length: %d\r\n\r\n" % len(jpeg) for jpeg in JPEGS]
    parts = [head + jpeg + b"\r\n" for head, jpeg in zip(heads, JPEGS, strict=True)]
    parts[2] = heads[2] + JPEGS[2][:300] + b"\r\n"
    found = [part.jpeg for part in MultipartReader("frame").feed(b"".join(parts) + b"--frame", 0)]
    assert found == [*JPEGS[:2], JPEGS[2][:300], *JPEGS[3:]]


def test_what_never_ends_is_dropped_and_the_next_picture_found():
    reader = MultipartReader("frame")
    chunk = b"\xff\xd8\xff" + bytes(1 << 20)
    found = [part for _ in range(MAX_PICTURE_BYTES // len(chunk) + 2) for part in reader.feed(chunk, 0, is_all=False)]
    assert [part.jpeg for part in found] == [b""]
    rest = [part.jpeg for part in reader.feed(b"\r\n" + FULL, 0)]
    assert rest[-len(JPEGS) + 1 :] == JPEGS[1:]


def test_boundaries_for_ever_take_no_memory():
    reader = MultipartReader("frame")
    for _ in range(1000):
        assert list(reader.feed(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" * 100, 0)) == []
    assert len(reader._buffer) < 1 << 16
