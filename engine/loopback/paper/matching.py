"""Orders against the real market: the venue's rules for orders, money and lists; fills as in `research/simulate`.

    our order takes       a real level's size up to its limit; what it took stays away (`real_book`)
    our order rests       behind the whole real level (`places`)
    a print at its price  first moves it forward, and fills it with what is left of the print
    a print beyond it     fills it, at its own price, by at most the print's size; our orders share one print
    a level reaches it    fills it, at its own price, by at most the level's size, which is then taken

While the market's data is not good, no order is accepted and none is filled. When it is good again, the levels that
reach our resting orders fill them. Accounts do not trade with one another. The account MARKET is the other side of
every fill, so that the sum of all money stays provable.
"""

from collections.abc import Iterable, Mapping

from engine.loopback.ledger import Ledger
from engine.loopback.market import Market
from engine.loopback.matching import CLOSED, Matching, payable, takable
from engine.loopback.order_book import Book
from engine.loopback.orders import Happening, Order, OrderRequest, Prevention, Rejection
from engine.loopback.paper.places import PaperBook, Queue, Scale
from engine.loopback.paper.real_book import RealBook

MARKET = "market"
PURSE = 10**36  # of each asset: the real market always has the other side


class PaperMatching(Matching):
    """All symbols' real books, and our orders in them."""

    def __init__(
        self, markets: Iterable[Market], ledger: Ledger, first_id: int, queue: Queue, scales: Mapping[str, Scale]
    ) -> None:
        """Without orders and without market data."""
        markets = tuple(markets)
        super().__init__(markets, ledger, first_id)
        self.real = {market.symbol: RealBook() for market in markets}
        self.paper = {
            one.symbol: PaperBook(one, first_id, self.real[one.symbol], queue, scales[one.symbol].size_unit)
            for one in markets
        }
        self.books.update(self.paper)
        ledger.open(MARKET, watched=False)
        for asset in {asset for market in markets for asset in (market.base, market.quote)}:
            ledger.deposit(MARKET, asset, PURSE)

    # The real market.

    def change_level(self, symbol: str, side: int, price: int, size: int, now_ns: int) -> None:
        """A real level has this size now: our orders at it move forward, those that it reaches are filled."""
        real, book = self.real[symbol], self.paper[symbol]
        before, after = real.side(side).change(price, size)
        book.follow(side, price, before, after)
        if after and real.good:
            self._meet(book, -side, price, after, now_ns)

    def trade_real(self, symbol: str, side: int, price: int, size: int, now_ns: int) -> None:
        """A real print, whose aggressor is on this side, fills our orders of the other side."""
        book, left = self.paper[symbol], size
        if not self.real[symbol].good:
            return
        for order in book.reached(-side, price):
            if not left:
                break
            reaches = book.pass_print(order, size, left) if order.price == price else left
            part = min(order.remaining, reaches)
            if part:
                left -= part
                self._fill(book, order, order.price, part, now_ns, is_maker=True)
        book.last_price = price
        self.stops.on_trade(symbol, price, now_ns)
        self.follow_up(now_ns)

    def set_good(self, symbol: str, now_ns: int, *, good: bool) -> None:
        """The market's data became right or wrong."""
        real, book = self.real[symbol], self.paper[symbol]
        if good and not real.good:
            real.good = True
            for side in (real.bids, real.asks):
                for price, size in list(side.levels()):
                    if next(book.reached(-side.side, price), None) is None:
                        break
                    self._meet(book, -side.side, price, size, now_ns)
        real.good = good

    def clear_real(self, symbol: str) -> None:
        """A new book of the market follows."""
        self.real[symbol].clear()

    def _meet(self, book: PaperBook, side: int, price: int, size: int, now_ns: int) -> None:
        """Fill our orders of a side that a real level of the other side has reached."""
        left = size
        for order in book.reached(side, price):
            part = min(left, order.remaining)
            if not part:
                break
            left -= part
            self._fill(book, order, order.price, part, now_ns, is_maker=True)
        if left != size:
            book.real.side(-side).consume(price, size - left)
            self.follow_up(now_ns)

    # Our orders.

    def reach(self, order: Order) -> tuple[int, int]:
        """How much (size, notional) the order would fill now; nothing is changed."""
        size, spent = 0, 0
        for price, available in self.real[order.symbol].side(-order.side).levels():
            step = takable(order, price, available, size, spent)
            if not step or _is_beyond(order, price):
                break
            size, spent = size + step, spent + order.market.notional(price, step)
            if order.quote_size and not payable(order, price, spent):
                break
        return size, spent

    def _refused(self, request: OrderRequest, order: Order) -> Rejection | None:
        """Why an order would be rejected."""
        return super()._refused(request, order) if self.real[request.symbol].good else CLOSED

    def _crosses(self, book: Book, side: int, price: int) -> bool:
        """Whether a limit at this price would trade at once."""
        best = self.real[book.market.symbol].side(-side).best()
        return super()._crosses(book, side, price) or (best is not None and (price - best[0]) * side >= 0)

    def _match(self, book: Book, order: Order, now_ns: int) -> None:
        """Take the real levels, the best first, until the price, the size or the book ends."""
        assert isinstance(book, PaperBook), book
        half = book.real.side(-order.side)
        while order.open:
            best = half.best()
            own = self._own_before(order, best)
            if own is not None:
                self._prevent(order, own, now_ns)
                continue
            if best is None or _is_beyond(order, best[0]):
                return
            size = takable(order, *best, order.filled + order.prevented, order.spent)
            if not size:
                return
            half.consume(best[0], size)
            self._fill(book, order, best[0], size, now_ns, is_maker=False)

    def _own_before(self, order: Order, best: tuple[int, int] | None) -> Order | None:
        """A resting order of the same account that this order reaches before the real market's best level."""
        if order.prevention == Prevention.NONE:
            return None
        for own in self._facing(order):
            if best is not None and (best[0] - own.price) * order.side <= 0:
                return None
            if own.account == order.account:
                return own
        return None

    def _fill(self, book: PaperBook, order: Order, price: int, size: int, now_ns: int, *, is_maker: bool) -> None:
        """Fill a part of an order; the account MARKET is the other side."""
        book.trade_id += 1
        self._apply_trade(book.trade_id, order, price, size, now_ns, is_maker=is_maker)
        self._settle(order, price, size)
        if is_maker:
            book.shrink(order, size)
        self.report(Happening.TRADE, order, now_ns, fill=order.fills[-1])
        if not order.open:
            self._drop(order)

    def _settle(self, order: Order, price: int, size: int) -> None:
        """What the order got, the account MARKET gave, and the other way round."""
        market, account = order.market, self.ledger.accounts[MARKET]
        account.free[market.base] -= order.side * size
        account.free[market.quote] += order.side * market.notional(price, size)


def _is_beyond(order: Order, price: int) -> bool:
    """Whether a price is worse than the order's limit."""
    return bool(order.price) and (order.price - price) * order.side < 0
