"""Spoils JSON frames in their structure, for every test that asks what a reader does with what no venue should send.

A frame is cut into its values and its members once; a mutation replaces, wraps, removes, repeats or truncates them, so
most results are still JSON and get past the tokeniser to the code that reads meanings. All chance comes from the
`random.Random` given, so a seed repeats a run.

    types exchanged · nesting to 100 000 · keys missing, doubled, renamed · numbers huge, negative, with exponents
    NaN · truncation · bytes that are no UTF-8 · binary · one frame's values in another
"""

import random
import re
from functools import lru_cache
from typing import NamedTuple

NESTING_MOST = 100_000
ODD_VALUES = (
    b"null", b"true", b"false", b"0", b"-1", b"1", b"-0", b"1.5", b"1e3", b"1e308", b"1e400", b"-1e-400", b"NaN",
    b"Infinity", b"-Infinity", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809",
    b"9000000000000000000", b"1" + b"0" * 400, b'""', b'"0"', b'"-1"', b'"1e9"', b'"NaN"', b'"nan"', b'"inf"', b'" 1"',
    b'"1_0"', b'"\xd9\xa1"', b'"9000000000000000000"', b'"92233720368.54775807"', b'"' + b"9" * 5000 + b'"',
    b'"0.' + b"0" * 30 + b'1"', b'"..."', b'"."', b'"-"', b'"\\u0000"', b'"\\ud800"', b'"\xff\xfe"', b'"a\\"b"',
    b'"' + b"x" * 70_000 + b'"', b"[]", b"{}", b"[[]]", b"[null]", b'{"a":1}', b'[["1","1"]]', b"[1,2,3]", b"5e", b"",
)  # fmt: skip
BINARY = (b"", b"\x00", b"\xff" * 8, b"\x1f\x8b\x08", b"\xef\xbb\xbf{}", b"[", b'"', b"\xed\xa0\x80", bytes(range(256)))
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


class Span(NamedTuple):
    """The start of a value in a frame, and of its member: at its key, or at itself in an array."""

    member: int
    begin: int
    end: int


@lru_cache(maxsize=256)
def spans(frame: bytes) -> tuple[Span, ...]:
    """Every value of a frame that is JSON, the whole of it last."""
    found: list[Span] = []
    open_values: list[tuple[int, int]] = []
    key = -1
    tokens = list(TOKEN.finditer(frame))
    for at, token in enumerate(tokens):
        text, begin = token.group(), token.start()
        member = begin if key < 0 else key
        if text in b"{[":
            open_values.append((member, begin))
            key = -1
        elif text in b"}]":
            if open_values:
                found.append(Span(*open_values.pop(), token.end()))
            key = -1
        elif at + 1 < len(tokens) and tokens[at + 1].group() == b":":
            key = begin
        elif text not in (b",", b":"):
            found.append(Span(member, begin, token.end()))
            key = -1
    return tuple(found)


def mutate(draw: random.Random, frame: bytes, others: tuple[bytes, ...] = ()) -> bytes:
    """A frame with one to three accidents; `others` are frames whose values may appear in it."""
    if draw.random() < 0.02:  # one in fifty is no frame at all
        return draw.choice((*BINARY, draw.randbytes(draw.randint(1, 60))))
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        where = spans(frame) if len(frame) < NESTING_MOST else ()
        frame = _spoil(draw, frame, draw.choice(where), others or (frame,)) if where else _cut(draw, frame)
    return frame


def _spoil(draw: random.Random, frame: bytes, span: Span, others: tuple[bytes, ...]) -> bytes:
    """One accident at one value, or at its member."""
    member, begin, end = span
    value, kind = frame[begin:end], draw.randrange(12)
    if kind == 0:
        return _cut(draw, frame)
    if kind == 1:  # the member is missing, and its comma with it
        rest = frame[end:].lstrip(b" \t\r\n")
        return frame[:member] + rest.removeprefix(b",")
    if kind == 2:  # the member is there twice, the second time perhaps with another value
        again = draw.choice((value, draw.choice(ODD_VALUES)))
        return frame[:end] + b"," + frame[member:begin] + again + frame[end:]
    if kind == 3 and member < begin:  # the key is another
        return frame[:member] + b'"e"' + frame[member + 3 :]
    return frame[:begin] + _another(draw, kind, value, others) + frame[end:]


def _another(draw: random.Random, kind: int, value: bytes, others: tuple[bytes, ...]) -> bytes:
    """A replacement for a value."""
    if kind == 4:
        return _nest(draw, value)
    if kind == 5:
        return _other_digits(draw, value)
    return _value_of(draw, draw.choice(others)) if kind in (6, 7) else draw.choice(ODD_VALUES)


def _value_of(draw: random.Random, frame: bytes) -> bytes:
    """Some value of a frame."""
    where = spans(frame) if len(frame) < NESTING_MOST else ()
    if not where:
        return b"null"
    _, begin, end = draw.choice(where)
    return frame[begin:end]


def _nest(draw: random.Random, value: bytes) -> bytes:
    """A value at some depth: mostly shallow, sometimes deeper than any stack."""
    depth = draw.choice((1, 1, 2, 3, 64, 600, 2000, 2000, NESTING_MOST if draw.random() < 0.2 else 5))
    before, after = draw.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return before * depth + value + (after * depth if draw.random() < 0.8 else b"")


def _other_digits(draw: random.Random, value: bytes) -> bytes:
    """The same text with some of its digits exchanged, or more of them."""
    digits = [at for at, one in enumerate(value) if 0x30 <= one <= 0x39]  # 0 to 9
    if not digits:
        return value + draw.choice(ODD_VALUES)
    at = draw.choice(digits)
    more = draw.choice((b"0", b"9", b"-", b".", b"e", b"9" * 18, b"0" * 9))
    return value[:at] + more + value[at + draw.randrange(2) :]


def _cut(draw: random.Random, frame: bytes) -> bytes:
    """The end is missing, or a byte is another."""
    at = draw.randrange(len(frame) + 1)
    if draw.random() < 0.5:
        return frame[:at]
    return frame[:at] + bytes([draw.randrange(256)]) + frame[at + 1 :]
