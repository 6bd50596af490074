"""The border of a venue: Python reads every message of a venue here, and no message can end the process.

    frame ─▶ dialect.answer ──────▶ Answer            any failure: MALFORMED, and every book is spoilt
    body, entries ─▶ dialect's reader ─▶ value        any failure: an Unreadable with the failure's text

The venue's text decides which exception a reader raises: for a wrong type, a missing key, nesting deeper than the
stack, a number beyond every type. So this is the one place of the feed where every exception is caught. Each is
counted, and a bounded number is logged, each with a bounded text.
"""

import json
import logging
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.venues.dialect import EVERY, Answer, AnswerKind, Dialect, Unreadable, guarded

LOG = logging.getLogger("steelyard.feed")
LOGGED = 100  # refusals of one border: a venue that sends rubbish for hours must not fill the disk
PAYLOAD_SHOWN = 400  # bytes
T = TypeVar("T")


@dataclass
class Border:
    """One venue's readers. `refused` counts inputs that no reader could read."""

    dialect: Dialect
    name: str = ""
    refused: int = 0

    def read(self, what: str, payload: bytes, reader: Callable[[], T]) -> T | Unreadable:
        """What the reader finds, or why it cannot be read; `what` and the payload are for the log."""
        found = guarded(reader)
        if isinstance(found, Unreadable):
            self.refused += 1
            if self.refused <= LOGGED:
                LOG.warning("%s: %s cannot be read: %s: %r", self.name, what, found.text, payload[:PAYLOAD_SHOWN])
        return found

    def answer(self, frame: bytes) -> Answer:
        """A frame understood; one that no reader can read may have changed every book."""
        found = self.read("a frame", frame, lambda: self.dialect.answer(frame))
        return Answer(AnswerKind.MALFORMED, found.text, (EVERY,)) if isinstance(found, Unreadable) else found

    def spoilt(self, frame: bytes, known: Container[str]) -> tuple[str, ...]:
        """The books that a frame which the scanner refused could have changed; every one where that is not certain.

        Certain: the reader knows the frame for a hot one, its symbols are ours, and no key of it is there twice.
        """
        answer = self.answer(frame)
        if answer.kind != AnswerKind.MALFORMED or not all(symbol in known for symbol in answer.spoilt):
            return (EVERY,)
        return (EVERY,) if has_doubled_keys(frame) else answer.spoilt


def has_doubled_keys(frame: bytes) -> bool:
    """Whether some object of a frame has a key twice, or the frame is no JSON."""
    return isinstance(guarded(lambda: json.loads(frame, object_pairs_hook=_once)), Unreadable)


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "an object has a key twice"
        raise ValueError(msg)
    return found
