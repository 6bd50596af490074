"""A market maker that leans with the book: one post-only order a side, quoted round a fair price.

    fair = middle + imbalance x lean - position / position_max x skew        (all in price steps)
    bid  = fair - half_width, never above the best bid;  ask = fair + half_width, never under the best ask

A quote is moved only when it is wrong by `reprice_steps` or more, because every move gives up a place in the venue's
queue, and every new quote is a request of the order rate: a wrong one is cancelled at once, and the next of its side
follows when `quote_interval_ms` has passed. The other order is placed only when the first is seen done: two orders are
never out for one place. It earns the spread only while others trade by chance; against those who know more it loses.
On spot it offers only what it holds, unless `short` says that the account may borrow: the venue rejects the rest.
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
        """Read the sizes once, exactly, for each instrument."""
        self.sizes = {i.id: size_of(i, self.parameters.size) for i in self.instruments.values()}
        self.position_max = {i.id: size_of(i, self.parameters.position_max) for i in self.instruments.values()}
        self.next_quote_ns: dict[tuple[int, int], int] = {}  # by instrument and side

    def on_book(self, book: Book) -> None:
        """Hold one good quote a side."""
        fair_twice = self.fair_twice(book)
        for side in (BUY, SELL):
            self.quote(book, side, self.quote_price(book, side, fair_twice))

    def on_book_bad(self, book: Book) -> None:
        """A quote priced from a book nobody may believe is taken back."""
        self.cancel_all(book.instrument)

    def quote(self, book: Book, side: int, price: int) -> None:
        """Keep, move, or make the order of one side."""
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
        """Say whether an order is worth giving up its place in the queue."""
        return size == 0 or abs(order.price - price) >= self.parameters.reprice_steps * instrument.price_step

    def room(self, instrument: Instrument, side: int, price: int) -> int:
        """How much may be added on a side before the position is full, or sold before it is gone."""
        held = self.position(instrument)
        most = self.position_max[instrument.id] - side * held
        if side == SELL and instrument.kind == "spot" and not self.parameters.short:
            most = held
        return orderable(instrument, max(0, min(self.sizes[instrument.id], most)), price)

    def fair_twice(self, book: Book) -> int:
        """Twice the fair price: the middle, moved by the book's weight and by what is held."""
        full = self.position(book.instrument) / self.position_max[book.instrument.id]
        steps = book.imbalance * self.parameters.lean_steps - full * self.parameters.skew_steps
        return book.mid_twice + 2 * round(steps * book.instrument.price_step)

    def quote_price(self, book: Book, side: int, fair_twice: int) -> int:
        """Price one side; away from the fair price by the half width, and never taking."""
        instrument = book.instrument
        wanted_twice = fair_twice - 2 * side * self.parameters.half_width_steps * instrument.price_step
        if side == BUY:
            return min(price_down(instrument, wanted_twice // 2), book.best_bid)
        return max(price_up(instrument, -(-wanted_twice // 2)), book.best_ask)
