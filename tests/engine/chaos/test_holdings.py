"""A new account, which holds nothing of the base asset: what it buys, less the fee in that asset, it can sell again."""

from engine.chaos.world import CALM, World
from engine.loopback.market import fixed
from engine.model.fixed import to_text
from engine.model.words import BUY, OrderState
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy

BUYS = 25
SIZE = 100  # 0.001 BTC
SLIP = 10_000  # steps beyond the best price


class BuyThenSell(Strategy):
    """Buys so many times, one order at a time, and then exits until nothing is left to exit."""

    def on_start(self) -> None:
        """Begin with no buy; a rejected order is remembered."""
        self.filled = 0
        self.most = 0
        self.states: list[int] = []

    def on_order(self, order: object) -> None:
        """Remember every end."""
        self.states.append(order.state)  # type: ignore[attr-defined]

    def on_fill(self, fill: object) -> None:
        """Count what was bought."""
        self.filled += fill.size if fill.side == BUY else 0  # type: ignore[attr-defined]
        one = self.instruments[fill.instrument]  # type: ignore[attr-defined]
        self.most = max(self.most, self.position(one) * 1_000 + self.dust(one))

    def on_book(self, book: Book) -> None:
        """Buy, or leave."""
        if book.instrument.symbol != "BTCUSDT" or self.orders(book.instrument):
            return
        if self.filled < BUYS * SIZE:
            self.enter(book.instrument, BUY, min(SIZE, BUYS * SIZE - self.filled), book.best_ask + SLIP)
        else:
            self.exit(book.instrument, book.best_bid - SLIP)


class NewAccount(World):
    """A calm world whose account begins with USDT alone."""

    purse = {"USDT": fixed("100000")}  # noqa: RUF012 - a constant of the test

    def make_strategy(self, name: str) -> Strategy:
        """The buyer replaces the maker; the other strategy does nothing."""
        if name != "maker":
            return Strategy(self.instruments, Strategy.Parameters())
        self.buyer = BuyThenSell(self.instruments, Strategy.Parameters())
        return self.buyer


def test_what_was_bought_is_sold_again_to_the_last_step() -> None:
    """Holdings rounded up make every exit one step too large: -2010 for ever, with the position open."""
    world = NewAccount(1, CALM)
    try:
        world.run(6.0)
        strategy = world.buyer
        held = world.invariants.holdings.held(1, 1)
        gained = world.venue.ledger.accounts["steelyard"].gained("BTC")
        assert strategy.filled == BUYS * SIZE
        assert to_text(strategy.most, 8) == "0.02497500"
        assert OrderState.REJECTED not in strategy.states
        assert (strategy.position(world.instruments[0]), strategy.dust(world.instruments[0])) == (0, gained)
        assert held == gained == 500
        world.settle()
        world.check_end()
    finally:
        world.close()
