"""Damage of every kind, drawn from a `Random`: bytes, values, trees, and the texts that spell them."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

STRANGE_TEXTS = (
    "", " ", "\0", "a\0b", "\n", "a\nb", "\r\n", "\x1b[2J", "\u2028", "\u202e", "\ud800", "\udcff", "ä", "日本語", "🫁",
    "..", "../../../etc/passwd", "/", "/dev/null", "~", "%s", "{}", "NaN", "null", "-1", "0x", "a" * 300, "é" * 5000,
    "=", "\"", "'", "\\", "\\u0000", "# ", "[", "]", "::1", "0.0.0.0:0", "[::]:99999", "file:///", "demo:?", "a b",
    "2026-03-01T12:00:00", "2026-03-01T12:00:00+00:00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
)  # fmt: skip
STRANGE_NUMBERS = (
    0, -0.0, 1, -1, 2, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -(2**31), 2**53, 2**63, 2**64, 10**30,
    10**400, -(10**400), 1e-320, 1e308, -1e308, math.inf, -math.inf, math.nan, 0.1, 1.5, 1e-7, True, False,
)  # fmt: skip


def strange_value(draw: Random, depth: int = 0) -> Any:
    """Any value that JSON can spell, the likely mistakes more often."""
    kind = draw.randrange(10 if depth < 3 else 7)
    if kind < 3:
        return draw.choice(STRANGE_TEXTS)
    if kind < 6:
        return draw.choice(STRANGE_NUMBERS)
    if kind == 6:
        return None
    if kind == 7:
        return [strange_value(draw, depth + 1) for _ in range(draw.randrange(4))]
    if kind == 8:
        return {draw.choice(STRANGE_TEXTS): strange_value(draw, depth + 1) for _ in range(draw.randrange(4))}
    return nested(draw.choice((1, 3, 50)))


def nested(depth: int) -> Any:
    value: Any = 0
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value


def damaged_tree(value: Any, draw: Random, num_changes: int | None = None) -> Any:
    """A copy of nested lists and dicts with one to three changes at random places, near the top more often."""
    changed = json.loads(json.dumps(value))
    for _ in range(draw.randint(1, 3) if num_changes is None else num_changes):
        changed = _changed(changed, draw)
    return changed


def _changed(value: Any, draw: Random) -> Any:
    is_inner = isinstance(value, (dict, list)) and bool(value)
    if not is_inner or draw.random() < 0.04:
        return _retyped(value, draw)
    key = draw.choice(list(value)) if isinstance(value, dict) else draw.randrange(len(value))
    what = draw.randrange(8)
    if what == 0:
        del value[key]
    elif what == 1 and isinstance(value, dict):
        value[draw.choice((key + "s", key.upper(), key[:-1], draw.choice(STRANGE_TEXTS)))] = value[key]
    elif what == 1:
        value.insert(key, value[key])
    elif what == 2:
        value[key] = strange_value(draw)
    elif what == 3:
        other = draw.choice(list(value)) if isinstance(value, dict) else draw.randrange(len(value))
        value[key], value[other] = value[other], value[key]
    else:
        value[key] = _changed(value[key], draw)
    return value


def _retyped(value: Any, draw: Random) -> Any:
    """Nearly the value: another type, sign, size or spelling; or something else altogether."""
    if draw.random() < 0.4:
        return strange_value(draw)
    if isinstance(value, bool) or value is None:
        return draw.choice((str(value).lower(), int(bool(value)), None))
    if isinstance(value, (int, float)):
        return draw.choice((-value, value + 1, str(value), [value], value * 10**9, value // 3))
    if isinstance(value, str):
        return draw.choice(
            (value + "x", value[:-1], value.upper(), [value], {value: 1}, value * 50, damaged_text(value, draw))
        )
    return draw.choice(([], {}, [value], str(value), None))


def damaged_text(text: str, draw: Random) -> str:
    at = draw.randint(0, len(text))
    return text[:at] + draw.choice(STRANGE_TEXTS) + text[at + draw.randrange(3) :]


def json_bytes(value: Any, draw: Random) -> bytes:
    """Its JSON, now and then with a key twice, a byte order mark, another encoding or far too deep."""
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, 1)))
    what = draw.randrange(40)
    if what == 0:
        return text.encode("utf-16", "surrogatepass")
    if what == 1:
        return b"\xef\xbb\xbf" + text.encode("utf-8", "surrogatepass")
    if what == 2 and text.startswith("{"):
        key = draw.choice(("sha256", "profile", "version", "golden"))
        text = "{" + f'"{key}": {json.dumps(strange_value(draw))}, ' + text[1:]
    elif what == 3:
        depth = draw.choice((10, 1000, 100_000))
        text = text[:-1] + ', "deep": ' + "[" * depth + "]" * depth + "}"
    elif what == 4:
        text = text[:-1] + ', "long": ' + "9" * draw.choice((20, 4300, 5000)) + "}"
    return text.encode("utf-8", "surrogatepass")


def damaged_bytes(content: bytes, draw: Random, most: int = 6) -> bytes:
    """One to `most` changes: bits, bytes, runs lost, doubled, zeroed or of noise; the end cut off or repeated."""
    damaged = bytearray(content)
    for _ in range(draw.randint(1, most)):
        if not damaged:
            break
        at, kind = draw.randrange(len(damaged)), draw.randrange(9)
        length = min(draw.choice((1, 2, 4, 8, 64)), len(damaged) - at)
        if kind == 0:
            damaged[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            damaged[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        elif kind == 2:
            del damaged[at : at + length]
        elif kind == 3:
            damaged[at:at] = damaged[at : at + length]
        elif kind == 4:
            damaged[at : at + length] = bytes(length)
        elif kind == 5:
            damaged[at : at + length] = b"\xff" * length
        elif kind == 6:
            damaged[at:at] = draw.randbytes(length)
        elif kind == 7 and draw.random() < 0.4:
            del damaged[at:]
        elif kind == 8 and draw.random() < 0.2:
            damaged += content[at:]
    return bytes(damaged)


def noise(draw: Random, most: int = 400) -> bytes:
    return draw.randbytes(draw.randrange(most))
