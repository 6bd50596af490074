"""Which records of the aggregation a strategy hears, and by which hook: those of its instruments and their groups.

A number is believed only at the decimals the strategy knows. Where an instrument has come to mean something else since
this life began, the life is over, as it is for the aggregation itself.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from engine.model.aggregates import GLOBAL_BOOK
from engine.model.words import BookState, OpportunityKind
from engine.strategy.api.strategy import Strategy
from engine.strategy.role.lanes import LaneReader

Call = tuple[Any, ...]  # a hook, and its row where it has one
GROUP = next(slice(field.offset, field.offset + 4) for field in GLOBAL_BOOK.fields if field.name == "group")
GOOD, RESET = int(BookState.GOOD), int(OpportunityKind.RESET)


class MeaningChangedError(Exception):
    """The aggregation tells a thing in other decimals than this life of the strategy knows it in."""


class Aggregates:
    """What one strategy makes of the three lanes."""

    def __init__(self, strategy: Strategy, books: LaneReader | None) -> None:
        """Choose for this strategy, by its `instruments` and `groups`; `books` only if it asks for global books."""
        self._strategy = strategy
        self.read_book: Callable[[], Any] = silent if books is None else getattr(books, "read_bytes", books.read)
        self._decode: Callable[[bytes], Any] | None = getattr(books, "decode", None)  # a replay's history is rows
        self._good: set[int] = set()  # groups whose book was good when last told

    def bars(self, rows: Iterable[Any], *, lapped: bool) -> Iterator[Call]:
        """Its instruments' bars."""
        strategy = self._strategy
        if lapped:
            yield (strategy.on_bars_lost,)
        for row in rows:
            if row.instrument in strategy.instruments:
                check(row, strategy.instruments[row.instrument], f"instrument {row.instrument}")
                yield strategy.on_bar, row

    def global_books(self, records: Iterable[Any]) -> Iterator[Call]:
        """Its groups' books: good ones unless it is halted or draining, and the moment one stops being good."""
        strategy = self._strategy
        for record in records:
            row = record if self._decode is None else self._decode(record)
            check(row, strategy.groups[row.group], f"group {row.group}")
            if row.state == GOOD:
                self._good.add(row.group)
                if not strategy.halted and not strategy.draining:
                    yield strategy.on_global_book, row
            elif row.group in self._good:
                self._good.discard(row.group)
                yield strategy.on_global_book_bad, row

    def opportunities(self, rows: Iterable[Any], *, lapped: bool) -> Iterator[Call]:
        """Its groups' opportunities; a hole may have swallowed an end, and a new life of the teller voids them all."""
        strategy = self._strategy
        if lapped:
            yield (strategy.on_opportunities_over,)
        for row in rows:
            if row.kind == RESET:
                yield (strategy.on_opportunities_over,)
            elif row.group in strategy.groups:
                check(row, strategy.groups[row.group], f"group {row.group}")
                yield strategy.on_opportunity, row


def silent() -> None:
    """Read a lane that the strategy did not ask for: nothing stands there."""


def group_of(record: Any) -> int:
    """Which group a global book is of: its bytes as a lane holds them, or a row."""
    number: int = int.from_bytes(record[GROUP], "little") if isinstance(record, bytes) else record.group
    return number


def check(row: Any, known: Any, what: str) -> None:
    """Refuse a row whose numbers are not in the decimals known."""
    told, expected = (row.price_decimals, row.size_decimals), (known.price_decimals, known.size_decimals)
    if told != expected:
        msg = f"{what} is told in decimals {told}, this life was begun with {expected}"
        raise MeaningChangedError(msg)
