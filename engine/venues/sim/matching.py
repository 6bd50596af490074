"""The matching engine: price-time priority over exact integers, with locks, fees and self-trade prevention.

An order goes through here in five steps:
  1. filters, duplicate client id, balance: a `Rejection` leaves no trace
  2. what it needs is locked (a MARKET order locks fill by fill: it never rests)
  3. FOK: a walk over the book without touching it, and expiry when it cannot be filled whole
  4. it meets the other side, best price first and oldest first, at the resting order's price
  5. what is left rests (GTC), or expires (IOC, MARKET)

What happened is appended to `executions` (watched accounts) and `prints`, for the wire to take. `check` holds the money
and the books against each other; it is cheap enough for every event of a test.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from engine.model.words import BUY, SELL
from engine.venues.sim.ledger import Account, Ledger
from engine.venues.sim.market import SCALE, Market
from engine.venues.sim.order_book import Book
from engine.venues.sim.orders import (
    Amendment,
    Execution,
    Fill,
    Happening,
    Kind,
    Order,
    OrderRequest,
    Prevented,
    Prevention,
    Print,
    Refused,
    Rejection,
    Status,
    Until,
)

BALANCE, DUPLICATE, WOULD_TAKE, CLOSED = map(
    Rejection, (Refused.BALANCE, Refused.DUPLICATE, Refused.WOULD_TAKE, Refused.CLOSED)
)


class Matching:
    """All markets' books over one ledger."""

    def __init__(self, markets: Iterable[Market], ledger: Ledger, first_id: int = 0) -> None:
        """Empty books."""
        self.ledger = ledger
        self.books = {market.symbol: Book(market, first_id) for market in markets}
        self.orders: dict[tuple[str, int], Order] = {}  # open ones, and those of watched accounts
        self.by_client_id: dict[tuple[str, str, str], Order] = {}  # the latest of each id
        self.open: dict[tuple[str, str], dict[int, Order]] = defaultdict(dict)  # by (account, symbol)
        self.executions: list[Execution] = []
        self.prints: list[Print] = []
        self._execution_id = 0
        self._prevented_id = -1

    def place(self, request: OrderRequest, now_ns: int) -> Order | Rejection:
        """Take an order and match it, or say why not."""
        book = self.books[request.symbol]
        rejection = self.refusal(request)
        if rejection:
            return rejection
        order = self._accept(book, request, now_ns)
        if order.until != Until.FOK or self.reach(order)[0] == order.size:
            self._match(book, order, now_ns)
        if order.open:
            self._rest_or_expire(book, order, now_ns)
        return order

    def refusal(self, request: OrderRequest) -> Rejection | None:
        """Why this order would not be taken, asked without taking it."""
        book = self.books[request.symbol]
        name = self.filter_failed(request)
        if name:
            return Rejection(Refused.FILTER, name)
        if not book.market.trading:
            return CLOSED
        known = self.by_client_id.get((request.account, request.symbol, request.client_id))
        if known is not None and known.open:
            return DUPLICATE
        if request.kind == Kind.LIMIT_MAKER and self._crosses(book, request.side, request.price):
            return WOULD_TAKE
        return None if self._affordable(book, request) else BALANCE

    def cancel(self, order: Order, cancel_id: str, now_ns: int) -> None:
        """Take an open order out of the book."""
        assert order.open, order
        self._retire(order, Status.CANCELED, now_ns)
        self._tell(Happening.CANCELED, order, now_ns, cancel_id=cancel_id)
        self._forget(order)

    def amend(self, order: Order, size: int, client_id: str, now_ns: int) -> Rejection | None:
        """Reduce an open order's size in its place in the queue, under a new client id, or return why not."""
        assert order.open, order
        assert order.size - order.remaining < size < order.size, (size, order)
        failed = order.market.size_filter(size) or order.market.notional_filter(
            order.market.notional(order.price, size)
        )
        if failed:
            return Rejection(Refused.FILTER, failed)
        known = self.by_client_id.get((order.account, order.market.symbol, client_id))
        if known is not None and known.open and known is not order:
            return DUPLICATE
        amended = Amendment(self._execution_id + 1, order.client_id, client_id, order.size, size, now_ns)
        order.amendments.append(amended)
        order.update_ns = now_ns
        self._unlock(order, order.size - size)
        order.size = size
        self.books[order.market.symbol].shrink(order, amended.old_size - size)
        self._rename(order, client_id)
        self._tell(Happening.REPLACED, order, now_ns, amended=amended)
        return None

    def check(self) -> None:
        """Hold all books, and the ledger against the open orders."""
        needed: dict[tuple[str, str], int] = defaultdict(int)
        for (account, _), orders in self.open.items():
            for order in orders.values():
                asset, amount = _need(order.market, order.side, order.price, order.remaining)
                needed[account, asset] += amount
        for book in self.books.values():
            book.check()
            resting = sum(len(level) for half in (book.bids, book.asks) for level in half.levels.values())
            assert resting == sum(len(v) for (_, symbol), v in self.open.items() if symbol == book.market.symbol)
        self.ledger.check(needed)

    def reach(self, order: Order) -> tuple[int, int]:
        """How much (size, notional) the order would fill now; nothing is touched."""
        size, spent, prevented = 0, 0, 0
        for maker in self._facing(order):
            if maker.account == order.account and order.prevention != Prevention.NONE:
                if order.prevention in (Prevention.EXPIRE_TAKER, Prevention.EXPIRE_BOTH):
                    break
                if order.prevention == Prevention.DECREMENT and not order.quote_size:
                    prevented += min(maker.remaining, order.size - size - prevented)
                continue
            step = _takable(order, maker, size + prevented, spent)
            if not step:
                break
            size, spent = size + step, spent + order.market.notional(maker.price, step)
            if order.quote_size and not _payable(order, maker.price, spent):
                break
        return size, spent

    def _accept(self, book: Book, request: OrderRequest, now_ns: int) -> Order:
        """Give the order its id, lock what it needs and tell of it."""
        book.order_id += 1
        market = book.market
        order = Order(
            book.order_id,
            request.account,
            market,
            request.client_id,
            request.side,
            request.kind,
            request.until,
            request.price,
            request.size,
            request.quote_size,
            Prevention(request.prevention or market.prevention_default),
            now_ns,
            now_ns,
        )
        self.orders[market.symbol, order.id] = order
        self.by_client_id[order.account, market.symbol, order.client_id] = order
        if order.kind != Kind.MARKET:
            self._lock(order, order.size)
        self._tell(Happening.NEW, order, now_ns)
        return order

    def filter_failed(self, request: OrderRequest) -> str:
        """The first filter the order fails, or empty."""
        book = self.books[request.symbol]
        market, last = book.market, book.last_price
        if request.kind == Kind.MARKET:
            if request.quote_size:
                return market.notional_filter(request.quote_size)
            return market.size_filter(request.size) or (
                market.notional_filter(market.notional(last, request.size)) if last else ""
            )
        failed = market.price_filter(request.price, last) or market.size_filter(request.size)
        failed = failed or market.notional_filter(market.notional(request.price, request.size))
        if not failed and len(self.open[request.account, request.symbol]) >= market.open_orders_max:
            return "MAX_NUM_ORDERS" if self.ledger.accounts[request.account].watched else ""
        return failed

    def _affordable(self, book: Book, request: OrderRequest) -> bool:
        """Whether the account's free balance covers the order."""
        market, account = book.market, self.ledger.accounts[request.account]
        if request.kind != Kind.MARKET:
            asset, amount = _need(market, request.side, request.price, request.size)
            return account.free[asset] >= amount
        if request.side == SELL and request.size:
            return account.free[market.base] >= request.size
        mode = Prevention(request.prevention or market.prevention_default)
        probe = Order(
            0,
            request.account,
            market,
            "",
            request.side,
            request.kind,
            request.until,
            0,
            request.size,
            request.quote_size,
            mode,
            0,
            0,
        )
        size, spent = self.reach(probe)
        return account.free[market.quote] >= spent if request.side == BUY else account.free[market.base] >= size

    def _crosses(self, book: Book, side: int, price: int) -> bool:
        """Whether a limit at this price would meet the other side."""
        other = book.side(-side).best()[0]
        return bool(other) and (price - other) * side >= 0

    def _facing(self, order: Order) -> Iterator[Order]:
        """The resting orders this one may meet, in their priority."""
        half = self.books[order.market.symbol].side(-order.side)
        for key in half.keys:
            if order.kind != Kind.MARKET and (order.price - abs(key)) * order.side < 0:
                return
            yield from half.levels[key].values()

    def _match(self, book: Book, order: Order, now_ns: int) -> None:
        """Meet the other side until the price, the size or the book ends."""
        while order.open:
            maker = next(self._facing(order), None)
            if maker is None:
                return
            if maker.account == order.account and order.prevention != Prevention.NONE:
                self._prevent(order, maker, now_ns)
                continue
            size = _takable(order, maker, order.filled + order.prevented, order.spent)
            if not size:
                return
            self._trade(book, order, maker, size, now_ns)

    def _trade(self, book: Book, taker: Order, maker: Order, size: int, now_ns: int) -> None:
        """Exchange one size at the maker's price."""
        market, price = book.market, maker.price
        book.trade_id += 1
        book.last_price = price
        if taker.kind == Kind.MARKET:
            asset, amount = _need(market, taker.side, price, size)
            self.ledger.lock(self.ledger.accounts[taker.account], asset, amount)
        self._settle(book.trade_id, maker, price, size, now_ns, is_maker=True)
        book.shrink(maker, size)
        self._settle(book.trade_id, taker, price, size, now_ns, is_maker=False)
        self.prints.append(Print(market.symbol, book.trade_id, price, size, maker.side == BUY, now_ns, taker.id))
        for order in (maker, taker):
            self._tell(Happening.TRADE, order, now_ns, fill=order.fills[-1])
            if not order.open:
                self._forget(order)

    def _settle(self, trade_id: int, order: Order, price: int, size: int, now_ns: int, *, is_maker: bool) -> None:
        """Do one side of a trade: money, the order's sums and its fill."""
        market, account = order.market, self.ledger.accounts[order.account]
        notional = market.notional(price, size)
        gives, amount = _need(market, order.side, price, size)
        _, locked = _need(market, order.side, order.price if order.kind != Kind.MARKET else price, size)
        gets, incoming = (market.base, size) if order.side == BUY else (market.quote, notional)
        rate = market.fee_maker if is_maker else market.fee_taker
        self.ledger.pay(account, gives, locked, amount)
        self.ledger.receive(account, gets, incoming)
        fee, fee_asset = self._burnt(account, market, notional, rate) or (incoming * rate // SCALE, gets)
        self.ledger.charge(account, fee_asset, fee)
        account.update_ns = order.update_ns = now_ns
        order.filled += size
        order.spent += notional
        full = _complete(order, price)
        order.status = Status.FILLED if full else Status.PARTIALLY_FILLED
        order.fills.append(
            Fill(trade_id, order.id, price, size, notional, fee, fee_asset, order.side, is_maker, now_ns)
        )
        if full and order.kind == Kind.MARKET and order.quote_size:
            order.size = order.filled

    def _burnt(self, account: Account, market: Market, notional: int, rate: int) -> tuple[int, str] | None:
        """A fee in the account's third asset, whole; None where it burns none, has too little, or no price says it."""
        burn = account.burn
        price = burn and self._price(burn.asset, market.quote)
        if not burn or not price:
            return None
        fee = notional * rate * (SCALE - burn.discount) // (SCALE * price)
        return (fee, burn.asset) if account.free[burn.asset] >= fee else None

    def _price(self, asset: str, quote: str) -> int:
        """What one of an asset last cost in another; 0 where that is not traded here."""
        if asset == quote:
            return SCALE
        markets = (book for book in self.books.values() if (book.market.base, book.market.quote) == (asset, quote))
        return next((book.last_price for book in markets), 0)

    def _prevent(self, taker: Order, maker: Order, now_ns: int) -> None:
        """Keep an account from trading with itself, as the taker's mode wants."""
        self._prevented_id += 1
        left = 0 if taker.quote_size else taker.remaining  # sized in quote: no size is known to be taken away
        size = maker.remaining if taker.quote_size else min(maker.remaining, left)
        mode = taker.prevention
        shares = {
            Prevention.EXPIRE_TAKER: (left, 0),
            Prevention.EXPIRE_MAKER: (0, maker.remaining),
            Prevention.EXPIRE_BOTH: (left, maker.remaining),
            Prevention.DECREMENT: (min(size, left), size),
        }[mode]
        prevented = Prevented(self._prevented_id, maker.id, maker.price, *shares, now_ns)
        taker.preventions.append(prevented)
        ends_taker = mode in (Prevention.EXPIRE_TAKER, Prevention.EXPIRE_BOTH)
        for order, share in ((maker, shares[1]), (taker, shares[0])):
            if share or (order is taker and ends_taker):
                self._withhold(order, share, prevented, now_ns, rests=order is maker)

    def _withhold(self, order: Order, size: int, prevented: Prevented, now_ns: int, *, rests: bool) -> None:
        """Take a prevented size off one order; what has nothing left expires in the match."""
        ends = bool(order.quote_size) or size >= order.remaining
        if order.kind != Kind.MARKET:
            self._unlock(order, size)
        elif order.quote_size:
            order.size = order.filled
        order.prevented += size
        order.prevented_match_id = prevented.id
        order.update_ns = now_ns
        if ends:
            order.status = Status.EXPIRED_IN_MATCH
        if rests:
            self.books[order.market.symbol].shrink(order, size)
        self._tell(Happening.TRADE_PREVENTION, order, now_ns, prevented=prevented)
        if ends:
            self._forget(order)

    def _rest_or_expire(self, book: Book, order: Order, now_ns: int) -> None:
        """Let what is left of an order rest, or end it."""
        if order.kind != Kind.MARKET and order.until == Until.GTC:
            self.open[order.account, book.market.symbol][order.id] = order
            book.add(order)
            return
        self._retire(order, Status.EXPIRED, now_ns)
        self._tell(Happening.EXPIRED, order, now_ns)
        self._forget(order)

    def _retire(self, order: Order, status: Status, now_ns: int) -> None:
        """End an order: unlock what it still holds and take it out of its level."""
        left = order.remaining
        order.status, order.update_ns = status, now_ns
        if order.kind != Kind.MARKET:
            self._unlock(order, left)
        elif order.quote_size:
            order.size = order.filled
        if order.id in self.open[order.account, order.market.symbol]:
            self.books[order.market.symbol].shrink(order, left)

    def _lock(self, order: Order, size: int) -> None:
        """Lock what a size of this limit order needs."""
        account = self.ledger.accounts[order.account]
        self.ledger.lock(account, *_need(order.market, order.side, order.price, size))
        account.update_ns = order.update_ns

    def _unlock(self, order: Order, size: int) -> None:
        """Free what a size of this limit order had locked."""
        self._lock(order, -size)

    def _forget(self, order: Order) -> None:
        """Drop a finished order from the open ones, and altogether when nobody watches its account."""
        symbol = order.market.symbol
        self.open[order.account, symbol].pop(order.id, None)
        if not self._account(order).watched:
            del self.orders[symbol, order.id]
            self.by_client_id.pop((order.account, symbol, order.client_id), None)

    def _rename(self, order: Order, client_id: str) -> None:
        """Give an order another client id."""
        key = (order.account, order.market.symbol)
        del self.by_client_id[*key, order.client_id]
        order.client_id = client_id
        self.by_client_id[*key, client_id] = order

    def _account(self, order: Order) -> Account:
        """The order's owner."""
        return self.ledger.accounts[order.account]

    def _tell(
        self,
        happening: Happening,
        order: Order,
        now_ns: int,
        *,
        fill: Fill | None = None,
        cancel_id: str = "",
        prevented: Prevented | None = None,
        amended: Amendment | None = None,
    ) -> None:
        """Append an execution, where somebody watches."""
        self._execution_id += 1
        if self._account(order).watched:
            self.executions.append(
                Execution(
                    happening,
                    order,
                    order.status,
                    order.filled,
                    order.spent,
                    now_ns,
                    self._execution_id,
                    fill,
                    cancel_id,
                    prevented,
                    amended,
                ),
            )


def _need(market: Market, side: int, price: int, size: int) -> tuple[str, int]:
    """The asset and the amount that a size at a price gives away."""
    return (market.quote, price * size // SCALE) if side == BUY else (market.base, size)


def _complete(order: Order, price: int) -> bool:
    """Whether nothing more is wanted; of an order sized in quote, when not one more size step can be paid."""
    if not order.quote_size:
        return not order.remaining
    return not _payable(order, price, order.spent)


def _takable(order: Order, maker: Order, gone: int, spent: int) -> int:
    """How much of a resting order this one can take."""
    if not order.quote_size:
        return min(maker.remaining, order.size - gone)
    return min(maker.remaining, _payable(order, maker.price, spent))


def _payable(order: Order, price: int, spent: int) -> int:
    """The whole size steps that the rest of an amount in quote pays for at a price."""
    size = (order.quote_size - spent) * SCALE // price
    return size - size % order.market.size_step
