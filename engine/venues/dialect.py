"""The dialect of a venue's market data: what the feed needs of a venue's folder, without sockets and books.

A further venue is one folder: a compiled scanner and rule (`market`, `rule`), and one class with these methods.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Any, Protocol, TypeVar

from engine.model.instrument import Instrument
from engine.venues.market import Market, Rule


class ChannelKind(IntEnum):
    """What a channel brings; the numbers are bits of an instrument's `missing`."""

    BOOK = 1
    PRINTS = 2
    BEST = 4


@dataclass(frozen=True, slots=True)
class Channel:
    """One of a venue's channels."""

    name: str  # the venue's word
    kind: ChannelKind
    greets: bool = False  # it begins with what there is, so that silence after the acknowledgement is a failure


Subscription = tuple[str, str]  # the name of a channel and a symbol


class AnswerKind(IntEnum):
    """What a frame outside the hot path means to the feed."""

    OTHER = 0  # of no interest
    ACCEPTED = 1  # a subscription is in force
    REFUSED = 2  # the venue refused it; `text` has the reason
    LEAVING = 3  # the venue is about to close this connection
    MALFORMED = 4  # a message of the hot path that breaks its format
    FOREIGN = 5  # the connection sends another format and must be closed; `text` has the reason


@dataclass(frozen=True, slots=True)
class Answer:
    """A frame outside the hot path, understood."""

    kind: AnswerKind
    text: str = ""
    spoilt: tuple[str, ...] = ()  # books that the frame would have changed where no number shows that; EVERY: all
    number: int = 0  # of the request that is answered; 0: the venue does not name it
    named: tuple[Subscription, ...] = ()  # an empty channel or symbol covers every one of the request


EVERY = ""
ERROR_SHOWN = 200  # characters of a venue's error that are logged: it may quote the whole request
T = TypeVar("T")
OTHER, LEAVING = Answer(AnswerKind.OTHER), Answer(AnswerKind.LEAVING)


@dataclass(frozen=True, slots=True)
class Listing:
    """A venue's metadata, read: the instruments that can be represented exactly, and why others cannot be."""

    instruments: tuple[Instrument, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Input that a reader could not read, and why."""

    text: str


def guarded(reader: Callable[[], T]) -> T | Unreadable:
    """The result of a reader of a venue's text; an exception of the reader becomes an `Unreadable`."""
    try:
        return reader()
    except Exception as error:  # noqa: BLE001 - the venue's text decides which one it is
        return Unreadable(repr(error)[:ERROR_SHOWN])


def read_listed(
    venue: str,
    listed: Mapping[str, Mapping[str, Any]],
    ids: Mapping[str, int] | None,
    read: Callable[[str, Mapping[str, Any], int], Instrument],
) -> Listing:
    """Read the symbols in `ids`, or all; refuse each instrument that cannot be represented exactly, by name."""
    found, refused = [], {}
    for symbol, number in (dict.fromkeys(listed, 0) if ids is None else ids).items():
        if symbol not in listed:
            refused[symbol] = f"{venue} does not list it"
            continue
        one = guarded(partial(read, symbol, listed[symbol], number))
        if isinstance(one, Unreadable):
            refused[symbol] = f"cannot be read: {one.text}"
        else:
            found.append(one)
    return Listing(tuple(found), refused)


@dataclass(frozen=True, slots=True)
class Notice:
    """The content of a frame of a venue's channel of instruments."""

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by symbol, in the venue's own words
    whole: bool = False  # a snapshot: what it lacks is not listed
    open: bool | None = None  # whether the whole venue accepts every order; None: the frame does not contain it
    refusal: str = ""  # the venue does not give the channel


class InstrumentChannel(Protocol):
    """Metadata that a venue sends over a stream of its own: a snapshot, then each change."""

    target: str  # path and query, then # and a name that distinguishes this stream in recordings

    def subscribe(self) -> bytes:
        """The message that opens it."""

    def unsubscribe(self) -> bytes:
        """The message that closes it."""

    def ping(self) -> bytes:
        """A message that is answered."""

    def notice(self, frame: bytes) -> Notice | None:
        """Read a frame; None when it is not about instruments."""

    def listing(self, entries: Mapping[str, Mapping[str, Any]], ids: Mapping[str, int]) -> Listing:
        """Read entries as instruments; one that cannot be represented exactly is refused by name."""


class Dialect(Protocol):
    """One venue's market data."""

    name: str
    requests_snapshots: bool  # snapshots are requested over REST; else a subscription begins with one
    by_order: bool  # the venue sends every order of a book, not only its levels
    numbers_are_text: bool  # prices and sizes are JSON strings; else JSON numbers, whose digits are kept
    depth: int  # levels a side the venue keeps in step, 0 for all
    overlaps: bool  # the venue numbers its messages once for all connections, so two of them may feed one book
    lifetime_ns: int  # the age at which a standby replaces a connection; the venue would close it later
    mute_ns: int  # a connection without a byte for this long, pings included, is dropped
    wordless_ns: int  # a connection without a message for this long is dropped, also if pings arrive
    channels: tuple[Channel, ...]  # each symbol's
    batch: int  # the most subscriptions that a request may hold
    batch_mixes: bool  # a request may hold several channels
    all_or_nothing: bool  # one bad symbol refuses the whole request
    pace_ns: int  # at least this between two messages to the venue
    weight_limit: int  # of requests in a minute, 0 where the venue does not count
    weight_header: str  # the header in which the venue reports the used weight

    @property
    def instrument_channel(self) -> InstrumentChannel | None:
        """The venue's stream of metadata; None where metadata comes only over REST."""

    @property
    def snapshot_choices(self) -> tuple[tuple[int, int], ...]:
        """Levels and weight of a book over REST, the deepest first."""

    def market(self) -> Market:
        """A scanner without listings."""

    def rule(self) -> Rule:
        """A rule for one book."""

    def stream_target(self) -> str:
        """Path and query of the stream."""

    def greeting(self) -> list[bytes]:
        """The first messages on every connection."""

    def subscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """The message that opens these subscriptions; the answer repeats `number` where the venue supports it."""

    def unsubscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """The message that closes these subscriptions."""

    def snapshot_target(self, symbol: str, levels: int) -> str:
        """Path and query of one book."""

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Path and query of the venue's metadata."""

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> Listing:
        """Read the metadata of the symbols in `ids`, of every symbol when it is None; refuse what cannot be exact."""

    def answer(self, frame: bytes) -> Answer:
        """Understand a frame that the scanner handed back."""

    def numbers(self, message: object) -> Iterable[tuple[str, str, str]]:
        """Each (symbol, price text, size text) of a parsed message whose numbers are still text."""

    def recorded_book(self, payload: bytes, url: str) -> str | None:
        """The symbol of a recorded answer with a book, empty when the answer names none; None for other answers."""

    def apply_recorded(self, message: object) -> None:
        """Set from a recording's parsed message what a subscription sets on a live connection."""
