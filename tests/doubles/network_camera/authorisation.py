"""HTTP's and RTSP's Basic and Digest (RFC 7617, RFC 2617): who may see the pictures."""

from __future__ import annotations

import base64
import hashlib
import re

from tests.doubles.network_camera.faults import Faults

REALM, NONCE = "network camera", "8f1d0a6c2b5e4f70"


def challenge(faults: Faults, *, with_qop: bool) -> str:
    """The header's value that goes with a 401."""
    if faults.auth == "basic":
        return f'Basic realm="{REALM}"'
    return f'Digest realm="{REALM}", nonce="{NONCE}"' + (', qop="auth", algorithm=MD5' if with_qop else "")


def may_pass(faults: Faults, method: str, authorization: str) -> bool:
    """Whether the header proves the right name and password; everybody passes where nobody is asked."""
    if not faults.auth:
        return True
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != faults.auth:
        return False
    if faults.auth == "basic":
        try:
            given = base64.b64decode(rest, validate=True).decode()
        except ValueError:
            return False
        return given == f"{faults.user}:{faults.password}"
    told = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', rest)}
    if told.get("username") != faults.user or told.get("nonce") != NONCE or told.get("realm") != REALM:
        return False
    first = _md5(f"{faults.user}:{REALM}:{faults.password}")
    second = _md5(f"{method}:{told.get('uri', '')}")
    middle = f"{NONCE}:{told.get('nc', '')}:{told.get('cnonce', '')}:{told['qop']}" if "qop" in told else NONCE
    return told.get("response") == _md5(f"{first}:{middle}:{second}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
