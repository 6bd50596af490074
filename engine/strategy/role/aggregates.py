"""Maps the aggregation's records of a strategy's instruments and groups to its hooks.

A row must have the decimals that the strategy knows. If an instrument's decimals change in a life of the strategy, the
life ends, as the aggregation's does.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from engine.lanes.ports import RingReader
from engine.model.aggregates import GLOBAL_BOOK
from engine.model.words import BookState, OpportunityKind
from engine.strategy.api.strategy import Strategy
from engine.strategy.inputs.values import inputs_of

Call = tuple[Any, ...]  # a hook, and its row if it has one
GROUP = next(slice(field.offset, field.offset + 4) for field in GLOBAL_BOOK.fields if field.name == "group")
GOOD, RESET = int(BookState.GOOD), int(OpportunityKind.RESET)


class MeaningChangedError(Exception):
    """A row of the aggregation has other decimals than this life of the strategy."""


class Aggregates:
    """The hook calls of one strategy for the three lanes."""

    def __init__(self, strategy: Strategy, books: RingReader | None) -> None:
        """Filter by the strategy's `instruments` and `groups`; `books` is None if it does not read global books."""
        self._strategy = strategy
        self.read_book: Callable[[], Any] = silent if books is None else books.read_bytes
        self._decode: Callable[[bytes], Any] = silent if books is None else books.decode
        self._good: set[int] = set()  # groups whose last book was good

    def bars(self, rows: Iterable[Any], *, lapped: bool) -> Iterator[Call]:
        """The calls for its instruments' bars."""
        strategy = self._strategy
        if lapped:
            yield (self._bars_lost,)
        for row in rows:
            if row.instrument in strategy.instruments:
                check(row, strategy.instruments[row.instrument], f"instrument {row.instrument}")
                yield self._bar, row

    def _bar(self, row: Any) -> None:
        """Update the declared indicators, then call the hook."""
        inputs_of(self._strategy).add(row)
        self._strategy.on_bar(row)

    def _bars_lost(self) -> None:
        """Begin the declared indicators again, then call the hook."""
        inputs_of(self._strategy).reset()
        self._strategy.on_bars_lost()

    def global_books(self, records: Iterable[Any]) -> Iterator[Call]:
        """The calls for its groups' books: good ones unless it is halted or draining, and each change to not good."""
        strategy = self._strategy
        for record in records:
            row = self._decode(record)
            check(row, strategy.groups[row.group], f"group {row.group}")
            if row.state == GOOD:
                self._good.add(row.group)
                if not strategy.halted and not strategy.draining:
                    yield strategy.on_global_book, row
            elif row.group in self._good:
                self._good.discard(row.group)
                yield strategy.on_global_book_bad, row

    def opportunities(self, rows: Iterable[Any], *, lapped: bool) -> Iterator[Call]:
        """The calls for its groups' opportunities; a lap or a new life of the aggregation voids all of them."""
        strategy = self._strategy
        if lapped:
            yield (strategy.on_opportunities_over,)
        for row in rows:
            if row.kind == RESET:
                yield (strategy.on_opportunities_over,)
            elif row.group in strategy.groups:
                check(row, strategy.groups[row.group], f"group {row.group}")
                yield strategy.on_opportunity, row


def silent(*_: object) -> None:
    """Replaces the reader of a lane that the strategy does not read."""


def group_of(record: Any) -> int:
    """The group of a global book, which is bytes from a lane or a row."""
    number: int = int.from_bytes(record[GROUP], "little") if isinstance(record, bytes) else record.group
    return number


def check(row: Any, known: Any, what: str) -> None:
    """Refuse a row with other decimals than the known ones."""
    found, expected = (row.price_decimals, row.size_decimals), (known.price_decimals, known.size_decimals)
    if found != expected:
        msg = f"{what}: found decimals {found}, expected {expected} as at the start: the strategy must start again"
        raise MeaningChangedError(msg)
