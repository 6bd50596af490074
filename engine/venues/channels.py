"""What the dialects of venues share that send named channels of JSON over one stream.

Where a subscription begins with a book's snapshot nothing is asked for over REST, and numbers are those of a
connection: so its end is the end of all its books, and a successor begins them anew.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from engine.venues.dialect import OTHER, Answer, AnswerKind

SECOND_NS = 1_000_000_000


@dataclass
class Channels(ABC):
    """A dialect whose snapshots come with the subscription. Venues differ in what they set and what they override."""

    name: str = ""
    requests_snapshots: bool = False
    by_order: bool = False
    numbers_are_text: bool = True
    depth: int = 0
    overlaps: bool = False
    lifetime_ns: int = 1 << 62
    mute_ns: int = 5 * SECOND_NS  # heartbeats come every second
    ping: bytes = b""

    def stream_target(self) -> str:
        """The host says it all."""
        return "/"

    def snapshot_target(self, symbol: str) -> str:
        """Nothing is requested here."""
        del symbol
        return ""

    def recorded_book(self, payload: bytes, url: str) -> str | None:
        """Nothing was requested, so nothing recorded is the answer."""
        del payload, url
        return None

    def learn(self, message: object) -> None:  # noqa: B027 - most have nothing to learn
        """Nothing: all levels are kept in step."""

    def answer(self, frame: bytes) -> Answer:
        """Understand a frame that the scanner handed back."""
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError as error:
            return Answer(AnswerKind.MALFORMED, str(error))
        return self.answer_message(message) if isinstance(message, dict) else OTHER

    @abstractmethod
    def answer_message(self, message: dict[str, Any]) -> Answer:
        """Understand a parsed one."""


def wanted(venue: str, listed: Mapping[str, object], ids: Mapping[str, int] | None) -> Mapping[str, int]:
    """The symbols to read and their ids, of all when `ids` is None; one that is not listed is refused by name."""
    if ids is None:
        return dict.fromkeys(listed, 0)
    missing = sorted(set(ids) - set(listed))
    if missing:
        msg = f"{venue} does not list {', '.join(missing)}"
        raise ValueError(msg)
    return ids
