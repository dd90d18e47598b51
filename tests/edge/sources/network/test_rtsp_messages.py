"""RTSP as it comes over a line: answers, requests and packets, cut anywhere."""

import pytest

from edge.sources.network.rtsp_messages import BadMessage, Message, MessageReader, Packet
from edge.sources.network.sdp import videos

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\nWWW-Authenticate: A\r\nWWW-Authenticate: B\r\n\r\nhello"
PACKET = b"$\x01\x00\x03abc"
REQUEST = b"OPTIONS * RTSP/1.0\nCSeq: 1\n\n"


@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_messages_and_packets_in_their_order(chunk):
    content = PACKET + ANSWER + b"\r\n" + PACKET + REQUEST + PACKET
    reader = MessageReader()
    found = [one for at in range(0, len(content), chunk) for one in reader.feed(content[at : at + chunk])]
    packet = Packet(1, b"abc")
    answer = Message(200, "OK", {"cseq": ["2"], "content-length": ["5"], "www-authenticate": ["A", "B"]}, b"hello")
    assert found == [packet, answer, packet, Message(0, "OPTIONS", {"cseq": ["1"]}, b"", "*"), packet]


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: x\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * 20_000,
        b"x" * 70_000,
    ],
)
def test_what_is_no_rtsp_is_refused(content):
    with pytest.raises(BadMessage):
        list(MessageReader().feed(content))


def test_the_video_of_a_description():
    text = (
        "v=0\r\na=control:rtsp://cam/all\r\nm=audio 0 RTP/AVP 0\r\na=control:a\r\nm=video 0 RTP/AVP 96\r\n"
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z2E=,aGI\r\na=control:track1\r\n"
    )
    control, (video,) = videos(text)
    assert control == "rtsp://cam/all"
    assert (video.control, video.codec, video.payload_type, video.clock_hz) == ("track1", "H264", 96, 90_000)
    assert video.parameter_sets == (b"ga", b"hb")


@pytest.mark.parametrize(
    ("media", "codec"),
    [("m=video 0 RTP/AVP 26\n", "JPEG"), ("m=video 0 RTP/AVP 97\na=rtpmap:97 MP4V-ES/90000\n", "MP4V-ES")],
)
def test_static_and_foreign_codecs(media, codec):
    assert videos("v=0\n" + media)[1][0].codec == codec


@pytest.mark.parametrize("text", ["", "m=video", "m=video x y z\na=fmtp:1 sprop-sps=%%%\n", "\0\xff"])
def test_descriptions_without_a_video(text):
    assert videos(text)[1] == []
