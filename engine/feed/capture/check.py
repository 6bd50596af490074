"""Runs a recording through the feed's own scanner, rules and books, and counts what held and what did not.

1. Read the pieces once for their metadata, their symbols and, where nothing gives the decimals, the widest numbers.
2. Run them through a pipeline that publishes nothing.
3. Report each symbol.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from engine.feed.books.connection_sequence import ConnectionSequence
from engine.feed.books.order_track import OrderTrack
from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.feed.capture.formats import SHOWN, Piece, read_capture
from engine.model.fixed import to_text
from engine.model.words import BookState, FrameKind
from engine.venues.border import Border
from engine.venues.dialect import AnswerKind, Dialect, Listing, Unreadable, guarded

COUNTS = (
    "snapshots", "diffs", "dropped", "applied", "gaps", "resyncs", "suspect", "bbo_checked", "bbo_equal",
    "best_checked", "best_equal", "checksum_checked", "checksum_ok", "prints", "print_gaps", "crossings",
)  # fmt: skip
COMPARED = {name: f"audit.{name}" for name in ("bbo_checked", "bbo_equal", "best_checked", "best_equal")}
ELSEWHERE = COMPARED | {"prints": "prints.published", "print_gaps": "prints.gaps", "crossings": "published.crossings"}
GETTERS = {name: attrgetter(ELSEWHERE.get(name, name)) for name in COUNTS}
WIDTH_MAX = 18
SYMBOL_MAX = 32  # bytes: a longer text is a damaged frame, not a symbol
NUMBER = re.compile(r"([0-9]{1,18})(?:\.([0-9]*?)(0*))?")


class Survey:
    """What a recording holds of its symbols: decimals from its metadata, else from its numbers."""

    def __init__(self, dialect: Dialect, known: tuple[int, int] | None = None) -> None:
        """Begin before the first piece; `known`: decimals given by the user."""
        self.dialect = dialect
        self.known = known
        self.widths: dict[str, tuple[int, int]] = {}
        self.needed: dict[str, tuple[int, int]] = {}
        self.wholes: dict[str, tuple[int, int]] = {}
        self.stated: dict[str, tuple[int, int]] = {}

    def add(self, piece: Piece) -> None:
        """Read a piece's numbers, or its metadata."""
        if piece.mark != FrameKind.RECEIVED or piece.sent:
            return
        symbol = book_of(self.dialect, piece)
        if symbol is not None:
            guarded(lambda: self._read_snapshot(symbol, piece.payload))
        elif piece.url:  # it may be another answer, for example a book
            guarded(lambda: self._state(self.dialect.instruments(piece.payload, None)))
        else:
            guarded(lambda: self._read_frame(piece))

    def _read_frame(self, piece: Piece) -> None:
        """A frame's metadata and numbers; the pipeline counts one that cannot be read."""
        channel = self.dialect.instrument_channel
        notice = channel.notice(piece.payload) if channel is not None else None
        if channel is not None and notice is not None and notice.entries:
            self._state(channel.listing(notice.entries, dict.fromkeys(notice.entries, 0)))
        message = self._parse(piece.payload)
        self.dialect.apply_recorded(message)
        for symbol, price, size in self.dialect.numbers(message):
            self._widen(symbol, price, size)

    def _parse(self, payload: bytes) -> object:
        if self.dialect.numbers_are_text:
            return orjson.loads(payload)
        return json.loads(payload, parse_float=str, parse_int=str)

    def _read_snapshot(self, symbol: str, payload: bytes) -> None:
        """A book's numbers; the pipeline counts one that cannot be read."""
        book = orjson.loads(payload)
        self.dialect.apply_recorded(book)
        for price, size, *_ in (*book["bids"], *book["asks"]):
            self._widen(symbol, price, size)

    def _widen(self, symbol: object, price: object, size: object) -> None:
        """Note two numbers of a symbol; the scanner refuses a text that is no number, or a row without a symbol."""
        price_shape, size_shape = shape_of(price), shape_of(size)
        if price_shape is None or size_shape is None:
            return
        if not isinstance(symbol, str) or len(symbol.encode()) > SYMBOL_MAX:
            return
        kinds = self.wholes, self.needed, self.widths
        for widest, widths in zip(kinds, zip(price_shape, size_shape, strict=True), strict=True):
            before = widest.get(symbol, (0, 0))
            widest[symbol] = max(before[0], widths[0]), max(before[1], widths[1])

    def _state(self, listing: Listing) -> None:
        self.stated |= {one.symbol: (one.price_decimals, one.size_decimals) for one in listing.instruments}

    def symbols(self) -> list[str]:
        """Return the symbols of frames and books."""
        return [symbol for symbol in self.widths if symbol]

    def decimals(self, symbol: str) -> tuple[int, int]:
        """Return a symbol's decimals; orders from before a step became coarser need more than the metadata has."""
        if self.known is not None:
            return self.known
        stated = self.stated.get(symbol) or self._widest(self.widths, symbol)
        needed, wholes = self._widest(self.needed, symbol), self._widest(self.wholes, symbol)
        price, size = (
            max(need, min(one, WIDTH_MAX - whole)) for one, need, whole in zip(stated, needed, wholes, strict=True)
        )
        return min(price, WIDTH_MAX), min(size, WIDTH_MAX)

    def _widest(self, widths: dict[str, tuple[int, int]], symbol: str) -> tuple[int, int]:
        """Return a symbol's widths, with those of a book without a symbol."""
        named, nameless = widths[symbol], widths.get("", (0, 0))
        return max(named[0], nameless[0]), max(named[1], nameless[1])


def shape_of(text: object) -> tuple[int, int, int] | None:
    """Return a number's digits: whole, decimals that it needs, decimals as written; None if it is not a number."""
    return shape_of_text(text) if isinstance(text, str) else None


@lru_cache(maxsize=1 << 16)  # a recording repeats the same few thousand numbers
def shape_of_text(text: str) -> tuple[int, int, int] | None:
    """Return the same of a text."""
    parts = NUMBER.fullmatch(text)
    if parts is None:
        return None
    need = len(parts[2] or "")
    return len(parts[1]), need, need + len(parts[3] or "")


def book_of(dialect: Dialect, piece: Piece) -> str | None:
    """Return the symbol of a piece that is a requested book, empty if it has none; None for other pieces."""
    symbol = guarded(lambda: dialect.recorded_book(piece.payload, piece.url))
    return None if isinstance(symbol, Unreadable) else symbol


class Check:
    """One run of a recording."""

    def __init__(self, dialect: Dialect, survey: Survey, symbols: list[str]) -> None:
        """A track for each symbol, in this order."""
        self.dialect = dialect
        market, outbox = dialect.market(), Outbox()
        track = OrderTrack if dialect.by_order else Track
        self.border = Border(dialect, "capture check")
        self.index = {symbol: index for index, symbol in enumerate(symbols)}
        self.pipeline = Pipeline(market, outbox, lambda frame: self.border.spoilt(frame, self.index))
        self.decimals = {symbol: survey.decimals(symbol) for symbol in symbols}
        for index, (symbol, decimals) in enumerate(self.decimals.items()):
            market.add(symbol, *decimals)
            self.pipeline.add(track(index, index, symbol, dialect.rule(), outbox, dialect.depth))
        self.sequences: defaultdict[int, ConnectionSequence] = defaultdict(ConnectionSequence)  # by connection
        self.open: list[int] = []  # connections, where the recording contains them
        self.answers = 0
        self.malformed = 0
        self.refused = 0

    def apply(self, piece: Piece) -> None:
        """Run one piece; count one that the recorded feed sent."""
        if piece.mark != FrameKind.RECEIVED:
            self.apply_mark(piece)
            return
        if piece.sent:
            self.answers += 1
            return
        symbol = book_of(self.dialect, piece)
        if symbol is not None:
            self.answers += not piece.url
            symbol = symbol or (next(iter(self.index)) if len(self.index) == 1 else "")  # no name: the only one's
            if symbol in self.index:
                index = self.index[symbol]
                self.malformed += not self.pipeline.snapshot(index, piece.payload, piece.time_ns, piece.time_ns)
            return
        if piece.url or self.is_second(piece):
            return
        sequence = self.sequences[piece.connection]
        for frame, malformed in self.pipeline.process([piece.payload], piece.time_ns, piece.time_ns, sequence) or ():
            answer = self.border.answer(frame)
            self.malformed += malformed or answer.kind == AnswerKind.MALFORMED
            self.refused += answer.kind == AnswerKind.REFUSED
            if not malformed:
                self.pipeline.mark_gaps(answer.spoilt, piece.time_ns, piece.time_ns)

    def apply_mark(self, piece: Piece) -> None:
        """Apply the beginning or end of a connection; after the last one's end no book can be followed."""
        if piece.mark == FrameKind.BEGIN and piece.connection not in self.open:
            if not urlsplit(orjson.loads(piece.payload)["target"]).fragment:  # a connection of instruments has no books
                self.open.append(piece.connection)
        elif piece.mark == FrameKind.CLOSED and piece.connection in self.open:
            followed = self.open[0] == piece.connection
            self.open.remove(piece.connection)
            if followed and not (self.dialect.overlaps and self.open):
                self.pipeline.disconnect(piece.time_ns)

    def is_second(self, piece: Piece) -> bool:
        """Whether a frame is of a further connection, at a venue where two connections cannot feed one book."""
        return not self.dialect.overlaps and bool(self.open) and piece.connection != self.open[0]

    def reports(self) -> Iterator[dict[str, object]]:
        """Report each symbol."""
        for track in self.pipeline.tracks:
            track.confirm(track.snapshot_ns)
            track.audit.close()
            yield self.report(track)

    def report(self, track: Track) -> dict[str, object]:
        """Return the counts of one symbol; `frames`, `malformed` and `refused` are of the whole session."""
        price_decimals, size_decimals = self.decimals[track.symbol]
        bid, ask = track.book.best(1), track.book.best(-1)
        return {
            "symbol": track.symbol,
            "state": BookState(track.state).name.lower(),
            "frames": self.pipeline.frames + self.answers,
            "malformed": self.malformed,
            "refused": self.refused,
            **{name: get(track) for name, get in GETTERS.items()},
            "price_decimals": price_decimals,
            "size_decimals": size_decimals,
            "bids": track.book.count(1),
            "asks": track.book.count(-1),
            "best_bid": to_text(bid[0], price_decimals) if bid else None,
            "best_bid_size": to_text(bid[1], size_decimals) if bid else None,
            "best_ask": to_text(ask[0], price_decimals) if ask else None,
            "best_ask_size": to_text(ask[1], size_decimals) if ask else None,
        }


def pieces_of(files: Iterable[Path], kind: str, venue: str = "") -> Iterator[Piece]:
    """Read several files as one session."""
    for path in files:
        yield from read_capture(path, kind, venue)


def check(
    files: list[Path], dialect: Dialect, symbol: str = "", kind: str = "", decimals: tuple[int, int] | None = None
) -> list[dict[str, object]]:
    """Run a recording; return the reports of its symbols."""
    survey = Survey(dialect, decimals)
    for piece in pieces_of(files, kind, dialect.name):
        survey.add(piece)
    symbols = [name for name in survey.symbols() if not symbol or name == symbol]
    if symbol and not symbols and survey.symbols():
        found = ", ".join(survey.symbols())
        msg = f"--symbol {symbol!r}: expected one that the recording has, which are {found[:SHOWN]}"
        raise ValueError(msg)
    run = Check(dialect, survey, symbols)
    for piece in pieces_of(files, kind, dialect.name):
        run.apply(piece)
    return list(run.reports())


def is_good(report: dict[str, object]) -> bool:
    """Whether every frame was read, and the book is good or no frame changed it."""
    return not report["malformed"] and (report["state"] == "good" or not (report["snapshots"] or report["diffs"]))
