"""The strategy of `bench.recovery`, in a file of its own as an author's: imported at each start of its process."""

import msgspec

from engine.strategy import Book, Instrument, Strategy, TimeInForce

SIZE, FAR_BPS = 20, 300
TIMER_NS = 20_000_000
REST_BATCH = 20  # resting orders a book event


class Prober(Strategy):
    """Keeps orders resting far from the market, and submits an intent at each book event that never fills."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """How many orders rest."""

        resting: int = 0

    timer_ns = TIMER_NS

    def on_start(self) -> None:
        """There is no book yet."""
        self.probe: tuple[Instrument, int] | None = None

    def on_timer(self, now_ns: int) -> None:
        """One intent between books too: the time of execution's first verdict must not be that of the next book."""
        del now_ns
        if self.probe and self.parameters.resting:
            one, price = self.probe
            self.enter(one, 1, SIZE, price)

    def on_book(self, book: Book) -> None:
        """Add to the resting orders until there are enough; then one intent."""
        one = book.instrument
        price = book.best(1) * (10_000 - FAR_BPS) // 10_000 // one.price_step * one.price_step
        missing = self.parameters.resting - len(self.orders(one)) if self.parameters.resting else 0
        for _ in range(min(missing, REST_BATCH)):
            self.place(one, 1, SIZE, price, time_in_force=TimeInForce.GTC)
        self.enter(one, 1, SIZE, price)
        self.probe = one, price
