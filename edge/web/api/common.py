"""Answers that any operation may give: those of the gate, of the door, and of the server itself."""

from __future__ import annotations

from collections.abc import Mapping

from edge.access.rights import Least
from edge.web.api.operation import Answer, Method
from edge.web.limits import MAX_BODY_BYTES

RETRY_AFTER: Mapping[str, str] = {"Retry-After": "seconds until it is worth another try"}

_ALL: Mapping[int, Answer] = {
    400: Answer("no request of HTTP, a value that cannot be, or a secret in the address: the line says which"),
    403: Answer("another site's page asks"),
    405: Answer("another method than those of this address", headers={"Allow": "the methods that it has"}),
    411: Answer("a body without its length"),
    413: Answer(f"a body of more than {MAX_BODY_BYTES} bytes"),
    415: Answer("a body that is packed, or that a form of another site could send"),
    417: Answer("`Expect` with something else than `100-continue`"),
    421: Answer("a name in `Host` that is not this unit's"),
    503: Answer("too much is asked for at a time", headers=RETRY_AFTER),
}
_OF_WHO_MAY: Mapping[int, Answer] = {
    401: Answer("who asks has not logged in, or the token does not count"),
    403: Answer("the role does not do, or another site's page asks"),
}


def answers_of_all(method: Method, least: Least) -> Mapping[int, Answer]:
    """Status -> answer.

    Args:
        least: the least role that may call the operation.
    """
    return _ALL if least == "anyone" else {**_ALL, **_OF_WHO_MAY}
