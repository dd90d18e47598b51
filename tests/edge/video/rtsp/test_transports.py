"""What a recorder may ask for in its header Transport."""

from __future__ import annotations

import pytest

from edge.video.rtsp.transports import Wished, wished_of


@pytest.mark.parametrize(
    ("header", "may_udp", "wished"),
    [
        pytest.param("RTP/AVP/TCP;unicast;interleaved=2-3", True, Wished(False, 2, 3), id="interleaved"),
        pytest.param("RTP/AVP/TCP;unicast", True, Wished(False, 0, 1), id="channels not said"),
        pytest.param("RTP/AVP;unicast;client_port=5000-5001", True, Wished(True, 5000, 5001), id="UDP"),
        pytest.param("RTP/AVP/UDP;unicast;client_port=5000-5001;mode=play", True, Wished(True, 5000, 5001), id="named"),
        pytest.param("RTP/AVP;unicast;client_port=5000-5001", False, None, id="UDP beside TLS"),
        pytest.param(
            "RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=0-1", False, Wished(False, 0, 1), id="second"
        ),
        pytest.param("RTP/AVP;multicast;client_port=5000-5001", True, None, id="multicast"),
        pytest.param("RTP/AVP;unicast;destination=192.0.2.1;client_port=5000-5001", True, None, id="to somebody else"),
        pytest.param("RTP/AVP;unicast;client_port=80-81", True, None, id="a service's port"),
        pytest.param("RTP/AVP;unicast;client_port=70000-70001", True, None, id="no port"),
        pytest.param("RTP/AVP/TCP;interleaved=300-301", True, None, id="no channel"),
        pytest.param("RTP/AVP/TCP;interleaved=1-1", True, None, id="one channel"),
        pytest.param("RTP/SAVP;unicast;client_port=5000-5001", True, None, id="another profile"),
        pytest.param("", True, None, id="empty"),
    ],
)
def test_wished(header: str, may_udp: bool, wished: Wished | None) -> None:
    assert wished_of(header, may_udp=may_udp) == wished
