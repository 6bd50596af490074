"""How a venue's market data is spoken: what the feed asks of a venue's folder, and nothing of sockets or books.

A further venue is one folder: a compiled scanner and rule (`market`, `rule`), and one class with these methods.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from engine.model.instrument import Instrument
from engine.venues.market import Market, Rule


class AnswerKind(IntEnum):
    """What a frame outside the hot path means to the feed."""

    OTHER = 0  # of no interest
    ACCEPTED = 1  # a subscription stands
    REFUSED = 2  # the venue said no: `text` says why
    LEAVING = 3  # the venue is about to close this connection
    MALFORMED = 4  # a hot message that is not what it must be


@dataclass(frozen=True, slots=True)
class Answer:
    """A frame outside the hot path, understood."""

    kind: AnswerKind
    text: str = ""
    spoilt: tuple[
        str, ...
    ] = ()  # books that the frame would have changed, where no number will show that it is missing


OTHER, ACCEPTED, LEAVING = Answer(AnswerKind.OTHER), Answer(AnswerKind.ACCEPTED), Answer(AnswerKind.LEAVING)


class Dialect(Protocol):
    """One venue's market data."""

    name: str
    requests_snapshots: bool  # snapshots are asked for over REST; else a subscription begins with one
    by_order: bool  # every order of a book is told, not only its levels
    numbers_are_text: bool  # prices and sizes stand in quotes; else they are JSON numbers whose digits count
    depth: int  # levels a side the venue keeps in step, 0 for all
    overlaps: (
        bool  # numbers are the venue's, so two connections may feed one book and a change of connection loses nothing
    )
    lifetime_ns: int  # after which the venue closes a connection: a successor is made before
    mute_ns: int  # a connection this long without a frame is dead, whatever its socket says
    ping: bytes  # what keeps a quiet connection audible, empty where the venue needs nothing

    def market(self) -> Market:
        """A scanner without listings."""

    def rule(self) -> Rule:
        """A rule for one book."""

    def stream_target(self) -> str:
        """Path and query of the stream."""

    def subscribe(self, symbols: Iterable[str]) -> list[bytes]:
        """The messages that open these symbols' streams."""

    def resubscribe(self, symbol: str) -> list[bytes]:
        """The messages that bring a new snapshot of one book, where snapshots come with a subscription."""

    def snapshot_target(self, symbol: str) -> str:
        """Path and query of one book."""

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Path and query of the venue's metadata."""

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> list[Instrument]:
        """Read the metadata of the symbols in `ids`, of every symbol when it is None; refuse what cannot be exact."""

    def answer(self, frame: bytes) -> Answer:
        """Understand a frame that the scanner handed back."""

    def numbers(self, message: object) -> Iterable[tuple[str, str, str]]:
        """The (symbol, price text, size text) of a parsed message whose numbers were kept as text."""

    def recorded_book(self, payload: bytes, url: str) -> str | None:
        """The symbol of a recorded answer that is a requested book, empty when nothing names it; None for all else."""

    def learn(self, message: object) -> None:
        """Take from a recording's parsed messages what a subscription would have settled."""
