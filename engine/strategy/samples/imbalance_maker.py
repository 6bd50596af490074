"""A market maker that follows the book's imbalance: one post-only order a side, quoted around a fair price.

    fair = middle + imbalance x lean - position / position_max x skew        (all in price steps)
    bid  = fair - half_width, never above the best bid;  ask = fair + half_width, never under the best ask

A quote is moved only when it is wrong by `reprice_steps` or more, because every move loses the place in the venue's
queue and uses the order rate. A wrong quote is cancelled at once, and the next quote of its side follows after
`quote_interval_ms`. The next order is placed only when the last one is done, so there is at most one order a side. It
earns the spread only while others trade at random; it loses against traders who know more. On spot it offers only what
it holds, unless `short` allows the account to borrow: the venue rejects the rest.
"""

from typing import Annotated

import msgspec

from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, TimeInForce
from engine.strategy.api.book import Book
from engine.strategy.api.ledger import Order
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import orderable, price_down, price_up, size_of

MS = 1_000_000
PositiveSteps = Annotated[int, msgspec.Meta(ge=1)]
Steps = Annotated[int, msgspec.Meta(ge=0)]


class ImbalanceMaker(Strategy):
    """Quotes both sides of each of its instruments."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """Sizes are decimal text in the base currency, widths are price steps."""

        size: str
        position_max: str
        half_width_steps: PositiveSteps = 2
        lean_steps: Steps = 2  # how far a one-sided book moves the fair price
        skew_steps: Steps = 4  # how far a full position moves it the other way
        reprice_steps: PositiveSteps = 2
        quote_interval_ms: Steps = 0  # the least time between two quotes of one side: keeps within the order rate
        short: bool = False  # whether a spot account may sell what it does not hold

    parameters: Parameters

    def on_start(self) -> None:
        """Begin without a quote."""
        self.next_quote_ns: dict[tuple[int, int], int] = {}  # by instrument and side
        self.read_sizes()

    def on_parameters(self, changed: tuple[str, ...]) -> None:  # noqa: ARG002 - both sizes are read again
        """Quote with the new values from the next book on."""
        self.read_sizes()

    def read_sizes(self) -> None:
        """Read the exact sizes once for each instrument."""
        self.sizes = {i.id: size_of(i, self.parameters.size) for i in self.instruments.values()}
        self.position_max = {i.id: size_of(i, self.parameters.position_max) for i in self.instruments.values()}

    def on_book(self, book: Book) -> None:
        """Keep one good quote a side."""
        fair_twice = self.fair_twice(book)
        for side in (BUY, SELL):
            self.quote(book, side, self.quote_price(book, side, fair_twice))

    def on_book_bad(self, book: Book) -> None:
        """Cancel the quotes that were priced from this book."""
        self.cancel_all(book.instrument)

    def quote(self, book: Book, side: int, price: int) -> None:
        """Keep, cancel or place the order of one side."""
        instrument = book.instrument
        size = self.room(instrument, side, price)
        mine = [order for order in self.orders(instrument) if order.side == side]
        for order in mine:
            if self.is_wrong(order, price, size, instrument):
                self.cancel(order.intent_id)
        if size and not mine and self.now_ns >= self.next_quote_ns.get((instrument.id, side), 0):
            self.next_quote_ns[instrument.id, side] = self.now_ns + self.parameters.quote_interval_ms * MS
            self.place(instrument, side, size, price, time_in_force=TimeInForce.POST_ONLY, signal=book.imbalance)

    def is_wrong(self, order: Order, price: int, size: int, instrument: Instrument) -> bool:
        """Whether an order must be moved, at the cost of its place in the queue."""
        return size == 0 or abs(order.price - price) >= self.parameters.reprice_steps * instrument.price_step

    def room(self, instrument: Instrument, side: int, price: int) -> int:
        """The size that may be bought or sold within the maximal position, or sold from what is held."""
        held = self.position(instrument)
        most = self.position_max[instrument.id] - side * held
        if side == SELL and instrument.kind == "spot" and not self.parameters.short:
            most = held
        return orderable(instrument, max(0, min(self.sizes[instrument.id], most)), price)

    def fair_twice(self, book: Book) -> int:
        """Twice the fair price: the middle, moved by the book's imbalance and by the position."""
        full = self.position(book.instrument) / self.position_max[book.instrument.id]
        steps = book.imbalance * self.parameters.lean_steps - full * self.parameters.skew_steps
        return book.mid_twice + 2 * round(steps * book.instrument.price_step)

    def quote_price(self, book: Book, side: int, fair_twice: int) -> int:
        """The price of one side: the half width away from the fair price, and not better than the best price there."""
        instrument = book.instrument
        wanted_twice = fair_twice - 2 * side * self.parameters.half_width_steps * instrument.price_step
        if side == BUY:
            return min(price_down(instrument, wanted_twice // 2), book.best_bid)
        return max(price_up(instrument, -(-wanted_twice // 2)), book.best_ask)
