"""What the dialects of venues share that send named channels of JSON over one stream.

A subscription begins with a book's snapshot, so no book is requested over REST. Numbers are those of a connection: when
it ends, all its books end, and the next connection begins them again.
"""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import orjson

from engine.venues.dialect import EVERY, OTHER, Answer, AnswerKind, Channel, InstrumentChannel, Unreadable, guarded

SECOND_NS = 1_000_000_000


def _refuse(constant: str) -> None:
    """JSON has no NaN and no Infinity."""
    msg = f"{constant} is no JSON"
    raise ValueError(msg)


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
    mute_ns: int = 5 * SECOND_NS
    wordless_ns: int = 5 * SECOND_NS  # a heartbeat is a message, and comes every second even when no book changes
    channels: tuple[Channel, ...] = ()
    batch: int = 50
    batch_mixes: bool = False
    all_or_nothing: bool = True
    pace_ns: int = 0  # each venue sets its own
    snapshot_choices: tuple[tuple[int, int], ...] = ()
    weight_limit: int = 0
    weight_header: str = ""

    def stream_target(self) -> str:
        """No path: the host alone is the address."""
        return "/"

    @property
    def instrument_channel(self) -> InstrumentChannel | None:
        """Metadata is asked for."""
        return None

    def greeting(self) -> list[bytes]:
        """Nothing."""
        return []

    def snapshot_target(self, symbol: str, levels: int) -> str:
        """Nothing is requested here."""
        del symbol, levels
        return ""

    def recorded_book(self, payload: bytes, url: str) -> str | None:
        """Nothing was requested, so nothing recorded is the answer."""
        del payload, url
        return None

    def apply_recorded(self, message: object) -> None:
        """Nothing: all levels are kept in step."""
        del message

    def answer(self, frame: bytes) -> Answer:
        """Understand a frame that the scanner handed back; a number wider than a double still names its book."""
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError as error:
            message = guarded(lambda: json.loads(frame, parse_constant=_refuse))
            if isinstance(message, Unreadable):
                return self.unreadable(str(error))
        return self.answer_message(message) if isinstance(message, dict) else OTHER

    def unreadable(self, text: str) -> Answer:
        """A frame that is no JSON may have changed any book: a number shows it one frame late, a checksum never."""
        return Answer(AnswerKind.MALFORMED, text, (EVERY,))

    @abstractmethod
    def answer_message(self, message: dict[str, Any]) -> Answer:
        """Understand a parsed one."""
