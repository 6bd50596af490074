"""A recording through the feed's own scanner, rules and books: what held, and what did not.

1. Read the pieces once for their metadata, their symbols and, where nothing gives the decimals, the widest numbers.
2. Run them through a pipeline that tells nobody.
3. One report a symbol.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson

from engine.feed.capture.formats import Piece, read_capture
from engine.feed.outbox import Outbox
from engine.feed.pipeline import Pipeline
from engine.feed.track import Track
from engine.model.fixed import to_text
from engine.model.words import BookState
from engine.venues.dialect import AnswerKind, Dialect

COUNTS = (
    "snapshots", "diffs", "dropped", "applied", "gaps", "resyncs", "suspect", "bbo_checked", "bbo_equal",
    "best_checked", "best_equal", "checksum_checked", "checksum_ok", "prints", "print_gaps", "crossings",
)  # fmt: skip
WIDTH_MAX = 18
SNAPSHOT_START = b'{"lastUpdateId"'


class Survey:
    """What a recording says of its symbols before it is run: decimals from metadata, else from its numbers."""

    def __init__(self, dialect: Dialect) -> None:
        """Nothing seen yet."""
        self.dialect = dialect
        self.widths: dict[str, tuple[int, int]] = {}
        self.needed: dict[str, tuple[int, int]] = {}
        self.stated: dict[str, tuple[int, int]] = {}

    def look(self, piece: Piece) -> None:
        """Take a piece's numbers, or its metadata."""
        if piece.payload.startswith(SNAPSHOT_START):
            self._read_snapshot(piece)
        elif piece.url:
            self._read_metadata(piece)
        else:
            self._read_frame(piece)

    def _read_frame(self, piece: Piece) -> None:
        try:
            message = self._parse(piece.payload)
            self.dialect.learn(message)
            for symbol, price, size in self.dialect.numbers(message):
                self._widen(symbol, price, size)
        except (ValueError, KeyError, TypeError, AttributeError):  # the pipeline will count what is malformed
            return

    def _parse(self, payload: bytes) -> object:
        if self.dialect.numbers_are_text:
            return orjson.loads(payload)
        return json.loads(payload, parse_float=str, parse_int=str)

    def _read_snapshot(self, piece: Piece) -> None:
        body = orjson.loads(piece.payload)
        for price, size in (*body["bids"], *body["asks"]):
            self._widen(symbol_of(piece), price, size)

    def _widen(self, symbol: str, price: object, size: object) -> None:
        wide, needed = self.widths.get(symbol, (0, 0)), self.needed.get(symbol, (0, 0))
        self.widths[symbol] = max(wide[0], width(price)), max(wide[1], width(size))
        self.needed[symbol] = max(needed[0], needed_width(price)), max(needed[1], needed_width(size))

    def _read_metadata(self, piece: Piece) -> None:
        try:
            instruments = self.dialect.instruments(piece.payload, None)
        except (ValueError, KeyError, TypeError):  # an answer of another kind: a book, say
            return
        self.stated |= {one.symbol: (one.price_decimals, one.size_decimals) for one in instruments}

    def symbols(self) -> list[str]:
        """Those seen in frames or books."""
        return [symbol for symbol in self.widths if symbol]

    def decimals(self, symbol: str) -> tuple[int, int]:
        """The decimals to read a symbol with; orders from before a step was made coarser need more than it says."""
        if symbol not in self.stated:
            wide, nameless = self.widths[symbol], self.widths.get("", (0, 0))
            return max(wide[0], nameless[0]), max(wide[1], nameless[1])
        stated, needed = self.stated[symbol], self.needed[symbol]
        return max(stated[0], needed[0]), max(stated[1], needed[1])


def width(text: object) -> int:
    """The decimals a number is written with."""
    return min(WIDTH_MAX, len(str(text).partition(".")[2]))


def needed_width(text: object) -> int:
    """The decimals a number needs."""
    return min(WIDTH_MAX, len(str(text).partition(".")[2].rstrip("0")))


def symbol_of(piece: Piece) -> str:
    """The symbol of a requested book, from its address or itself; empty when neither says."""
    if piece.url:
        return parse_qs(urlsplit(piece.url).query).get("symbol", [""])[0]
    return str(orjson.loads(piece.payload).get("symbol", ""))


class Check:
    """One run of a recording."""

    def __init__(self, dialect: Dialect, survey: Survey, symbols: list[str]) -> None:
        """A track for each symbol, in this order."""
        self.dialect = dialect
        market, outbox = dialect.market(), Outbox()
        self.pipeline = Pipeline(market, outbox)
        self.decimals = {symbol: survey.decimals(symbol) for symbol in symbols}
        for index, (symbol, decimals) in enumerate(self.decimals.items()):
            market.add(symbol, *decimals)
            self.pipeline.add(Track(index, index, symbol, dialect.rule(), outbox, dialect.depth))
        self.index = {symbol: index for index, symbol in enumerate(symbols)}
        self.answers = 0
        self.malformed = 0
        self.refused = 0

    def take(self, piece: Piece) -> None:
        """Run one piece; what we sent ourselves is only counted."""
        if piece.sent:
            self.answers += 1
            return
        symbol = self.snapshot_symbol(piece)
        if symbol is not None:
            self.answers += not piece.url
            if symbol in self.index:
                self.pipeline.snapshot(self.index[symbol], piece.payload, piece.time_ns, piece.time_ns)
            return
        if piece.url:
            return
        for frame, malformed in self.pipeline.take([piece.payload], piece.time_ns, piece.time_ns) or ():
            answer = self.dialect.answer(frame)
            self.malformed += malformed or answer.kind == AnswerKind.MALFORMED
            self.refused += answer.kind == AnswerKind.REFUSED

    def snapshot_symbol(self, piece: Piece) -> str | None:
        """The symbol of a requested book, None for anything else; a nameless one can only mean the only symbol."""
        if not self.dialect.requests_snapshots or not piece.payload.startswith(SNAPSHOT_START):
            return None
        return symbol_of(piece) or (next(iter(self.index)) if len(self.index) == 1 else None)

    def reports(self) -> Iterator[dict[str, object]]:
        """One object a symbol."""
        for track in self.pipeline.tracks:
            track.trust(track.seed_ns)
            yield self.report(track)

    def report(self, track: Track) -> dict[str, object]:
        """What became of one symbol's book; `frames`, `malformed` and `refused` are of the whole session."""
        price_decimals, size_decimals = self.decimals[track.symbol]
        bid, ask = track.book.best(1), track.book.best(-1)
        return {
            "symbol": track.symbol,
            "state": BookState(track.state).name.lower(),
            "frames": self.pipeline.frames + self.answers,
            "malformed": self.malformed,
            "refused": self.refused,
            **{name: getattr(track, name) for name in COUNTS},
            "bids": track.book.count(1),
            "asks": track.book.count(-1),
            "best_bid": to_text(bid[0], price_decimals) if bid else None,
            "best_bid_size": to_text(bid[1], size_decimals) if bid else None,
            "best_ask": to_text(ask[0], price_decimals) if ask else None,
            "best_ask_size": to_text(ask[1], size_decimals) if ask else None,
        }


def pieces_of(files: Iterable[Path], kind: str) -> Iterator[Piece]:
    """Several files as one session."""
    for path in files:
        yield from read_capture(path, kind)


def check(files: list[Path], dialect: Dialect, symbol: str = "", kind: str = "") -> list[dict[str, object]]:
    """Run a recording; the reports of its symbols."""
    survey = Survey(dialect)
    for piece in pieces_of(files, kind):
        survey.look(piece)
    symbols = [name for name in survey.symbols() if not symbol or name == symbol]
    run = Check(dialect, survey, symbols)
    for piece in pieces_of(files, kind):
        run.take(piece)
    return list(run.reports())


def is_good(report: dict[str, object]) -> bool:
    """Whether a book that should be good is: one that was told anything of its levels should be."""
    return report["state"] == "good" or not (report["snapshots"] or report["diffs"])
