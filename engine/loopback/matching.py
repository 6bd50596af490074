"""The matching engine: price-time priority over exact integers, with locks, fees and self-trade prevention.

An order goes through six steps:
  1. filters, duplicate client id, balance: a `Rejection` leaves no trace
  2. what it needs is locked (a MARKET order locks fill by fill: it never rests)
  3. FOK: a walk over the book without touching it, and expiry when it cannot be filled whole
  4. it is matched with the other side, best price first and oldest first, at the resting order's price
  5. the rest of it rests (GTC), or expires (IOC, MARKET)
  6. consequences: triggered stops and orders of the same list begin to work, or end

A contingent order (`stops.py`) waits between 2 and 3, with what it needs locked. Lists of orders are `order_lists.py`.
Events are appended to `executions` (watched accounts) and `prints`, from which the wire reads them. `check` compares
the money with the books; it is fast enough for every event of a test.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence

from engine.loopback.ledger import Account, Ledger
from engine.loopback.market import SCALE, Market
from engine.loopback.order_book import Book
from engine.loopback.order_lists import ListEvent, OrderLists
from engine.loopback.orders import (
    UNPRICED,
    Amendment,
    Execution,
    Expiry,
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
from engine.loopback.stops import Stops, meets
from engine.model.words import BUY, SELL

BALANCE, DUPLICATE, WOULD_TAKE, WOULD_TRIGGER, CLOSED = map(
    Rejection, (Refused.BALANCE, Refused.DUPLICATE, Refused.WOULD_TAKE, Refused.WOULD_TRIGGER, Refused.CLOSED)
)
LIST_MOVES = frozenset({Happening.TRADE, Happening.CANCELED, Happening.EXPIRED, Happening.TRADE_PREVENTION})
DONE_KEPT = 200_000  # done orders with their fills, about 250 MB; a venue forgets its oldest orders too
UNFILLED = {Until.IOC: Expiry.IOC, Until.FOK: Expiry.FOK}


class Matching:
    """All markets' books over one ledger."""

    def __init__(self, markets: Iterable[Market], ledger: Ledger, first_id: int = 0) -> None:
        """Empty books."""
        self.ledger = ledger
        self.books = {market.symbol: Book(market, first_id) for market in markets}
        self.orders: dict[tuple[str, int], Order] = {}  # open orders, and the latest done ones of watched accounts
        self._done: deque[Order] = deque()  # of watched accounts, the oldest first
        self.by_client_id: dict[tuple[str, str, str], Order] = {}  # the latest of each id
        self.open: dict[tuple[str, str], dict[int, Order]] = defaultdict(dict)  # by (account, symbol)
        self.executions: list[Execution | ListEvent] = []
        self.prints: list[Print] = []
        self.stops, self.lists = Stops(), OrderLists(self, first_id)
        self._moved: deque[Order] = deque()  # orders of lists with events that their lists have not handled yet
        self._execution_id = 0
        self._prevented_id = -1

    def place(self, request: OrderRequest, now_ns: int) -> Order | Rejection:
        """Accept an order and match it, or return why it is rejected."""
        order = self.draft(request, now_ns)
        rejection = self._refused(request, order)
        if rejection:
            return rejection
        self.accept(order, order.worth)
        self.start(order, now_ns)
        self.follow_up(now_ns)
        return order

    def refusal(self, request: OrderRequest) -> Rejection | None:
        """Why this order would be rejected; nothing is placed."""
        return self._refused(request, self.draft(request, 0))

    def restore(self, order: Order, now_ns: int) -> None:
        """Know an order of an earlier life of the venue; one that was open is cancelled, and reported as that."""
        assert not order.hold, order
        self.orders[order.symbol, order.id] = order
        self.by_client_id[order.account, order.symbol, order.client_id] = order
        if order.open:
            order.status, order.update_ns = Status.CANCELED, now_ns
            self.report(Happening.CANCELED, order, now_ns)
        self._done.append(order)

    def cancel(self, order: Order, cancel_id: str, now_ns: int) -> None:
        """Cancel an open order, and every order of its list with it."""
        assert order.open, order
        for one in (order,) if order.order_list is None else order.order_list.open_orders:
            self.end(one, Status.CANCELED, now_ns, cancel_id=cancel_id)
        self.follow_up(now_ns)

    def amend(self, order: Order, size: int, client_id: str, now_ns: int) -> Rejection | None:
        """Reduce an open order's size at its place in the queue, under a new client id, or return why not.

        Both orders of an OCO pair have the same size, so the other one is reduced with it.
        """
        assert order.open, order
        assert order.size - order.remaining < size < order.size, (size, order)
        market = order.market
        price = order.worth or self.books[market.symbol].last_price
        failed = market.size_filter(size) or market.notional_filter(market.notional(price, size))
        if failed:
            return Rejection(Refused.FILTER, failed)
        if self.is_client_id_used(order.account, market.symbol, client_id, order):
            return DUPLICATE
        old_client_id = order.client_id
        for one in (order, *self.lists.partners(order)):
            self._reduce(one, size, client_id if one is order else one.client_id, now_ns)
        if client_id != old_client_id:
            self.lists.renamed(order, now_ns)
        return None

    def check(self) -> None:
        """Check all books, and the ledger against the open orders."""
        needed: dict[tuple[str, str], int] = defaultdict(int)
        for (account, _), orders in self.open.items():
            for order in orders.values():
                asset, amount = _need(order.market, order.side, order.hold, order.remaining)
                needed[account, asset] += amount if order.hold else 0
        for book in self.books.values():
            book.check()
            resting = sum(len(level) for half in (book.bids, book.asks) for level in half.levels.values())
            mine = [o for (_, symbol), v in self.open.items() if symbol == book.market.symbol for o in v.values()]
            assert resting == sum(order.works for order in mine)
        self.ledger.check(needed)
        self.lists.check()

    def reach(self, order: Order) -> tuple[int, int]:
        """How much (size, notional) the order would fill now; nothing is changed."""
        size, spent, prevented = 0, 0, 0
        for maker in self._facing(order):
            if maker.account == order.account and order.prevention != Prevention.NONE:
                if order.prevention in (Prevention.EXPIRE_TAKER, Prevention.EXPIRE_BOTH):
                    break
                if order.prevention == Prevention.DECREMENT and not order.quote_size:
                    prevented += min(maker.remaining, order.size - size - prevented)
                continue
            step = takable(order, maker.price, maker.remaining, size + prevented, spent)
            if not step:
                break
            size, spent = size + step, spent + order.market.notional(maker.price, step)
            if order.quote_size and not payable(order, maker.price, spent):
                break
        return size, spent

    def draft(self, request: OrderRequest, now_ns: int) -> Order:
        """A requested order, before it has an id."""
        market = self.books[request.symbol].market
        order = Order(
            0,
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
            stop=request.stop,
            trailing=request.trailing,
        )
        self.appraise(order)
        return order

    def appraise(self, order: Order) -> None:
        """Set the price at which an order is locked: its own, its stop price, or the last price if it only trails."""
        order.worth = order.price or order.stop
        if order.trailing and not order.worth:
            order.worth = self.books[order.symbol].last_price or order.market.price_min

    def accept(self, order: Order, hold: int) -> None:
        """Give an order its id, lock what it needs at this price and report it."""
        symbol = order.market.symbol
        book = self.books[symbol]
        book.order_id += 1
        order.id = book.order_id
        self.orders[symbol, order.id] = order
        self.by_client_id[order.account, symbol, order.client_id] = order
        if order.status == Status.PENDING_NEW:
            self.open[order.account, symbol][order.id] = order
        elif not order.contingent:
            order.working_ns = order.now_ns
        order.hold = hold
        self._lock(order, order.size)
        self.report(Happening.NEW, order, order.now_ns)

    def start(self, order: Order, now_ns: int) -> None:
        """Match an accepted order, or let a contingent one wait for its price."""
        if not order.contingent:
            self._work(order, now_ns)
            return
        self.open[order.account, order.symbol][order.id] = order
        self.stops.add(order, self.books[order.symbol].last_price, now_ns)

    def remove_from_open(self, order: Order) -> None:
        """Remove a waiting order from the open orders, just before it starts."""
        self.open[order.account, order.symbol].pop(order.id)

    def relock(self, order: Order, price: int) -> None:
        """Lock what the rest of an order needs at this price, instead of its present lock."""
        self._unlock(order, order.remaining)
        order.hold = price
        self._lock(order, order.remaining)

    def end(
        self, order: Order, status: Status, now_ns: int, expiry: Expiry = Expiry.NONE, *, cancel_id: str = ""
    ) -> None:
        """End an open order: unlock the rest, remove it from its level and report it."""
        left = order.remaining
        order.status, order.update_ns, order.expiry = status, now_ns, expiry
        self._unlock(order, left)
        if order.quote_size:
            order.size = order.filled
        symbol = order.market.symbol
        if order.works and order.id in self.open[order.account, symbol]:
            self.books[symbol].shrink(order, left)
        happening = Happening.CANCELED if status == Status.CANCELED else Happening.EXPIRED
        self.report(happening, order, now_ns, cancel_id=cancel_id)
        self._drop(order)

    def follow_up(self, now_ns: int) -> None:
        """Handle all consequences: lists handle the events of their orders, then triggered stops are placed."""
        while self._moved or self.stops.reached:
            if self._moved:
                self.lists.follow(self._moved.popleft(), now_ns)
            else:
                self._trigger(self.stops.reached.popleft(), now_ns)

    def filter_failed(self, request: OrderRequest) -> str:
        """The first filter that the order fails, or ""."""
        return self.measure_failed(request) or self.room_failed((request,))

    def measure_failed(self, request: OrderRequest | Order) -> str:
        """The first filter that the order's own price and size fail, or ""."""
        book = self.books[request.symbol]
        market, last = book.market, book.last_price
        if request.quote_size:
            return market.notional_filter(request.quote_size)
        price = request.price or request.stop or last
        priced = request.price or request.kind not in UNPRICED
        failed = market.price_filter(request.price, last) if priced else ""
        if request.stop:
            failed = failed or market.price_filter(request.stop, 0)
        if request.trailing and not market.trailing_min <= request.trailing <= market.trailing_max:
            failed = failed or "TRAILING_DELTA"
        failed = failed or market.size_filter(request.size)
        return failed or (market.notional_filter(market.notional(price, request.size)) if price else "")

    def room_failed(self, requests: Sequence[OrderRequest]) -> str:
        """The limit on open orders that these orders of one account in one market would exceed, or ""."""
        account, market = self.ledger.accounts[requests[0].account], self.books[requests[0].symbol].market
        if not account.watched:
            return ""
        open_orders = self.open[account.name, market.symbol]
        if len(open_orders) + len(requests) > market.open_orders_max:
            return "MAX_NUM_ORDERS"
        more = sum(bool(request.stop or request.trailing) for request in requests)
        if more and more + sum(order.contingent for order in open_orders.values()) > market.contingent_orders_max:
            return "MAX_NUM_ALGO_ORDERS"
        return ""

    def is_client_id_used(self, account: str, symbol: str, client_id: str, besides: Order | None = None) -> bool:
        """Whether another open order has this client id."""
        known = self.by_client_id.get((account, symbol, client_id))
        return known is not None and known.open and known is not besides

    def unplaceable(self, order: Order, hold: int) -> Rejection | None:
        """Why an order cannot be placed with the present book, last price and free balance."""
        book = self.books[order.market.symbol]
        if order.kind == Kind.LIMIT_MAKER and self._crosses(book, order.side, order.price):
            return WOULD_TAKE
        if order.stop and book.last_price and meets(order.kind, order.side, order.stop, book.last_price):
            return WOULD_TRIGGER
        return None if self._affordable(order, hold) else BALANCE

    def _refused(self, request: OrderRequest, order: Order) -> Rejection | None:
        """Why an order would be rejected."""
        name = self.filter_failed(request)
        if name:
            return Rejection(Refused.FILTER, name)
        if not order.market.trading:
            return CLOSED
        if self.is_client_id_used(order.account, order.market.symbol, order.client_id):
            return DUPLICATE
        return self.unplaceable(order, order.worth)

    def _affordable(self, order: Order, hold: int) -> bool:
        """Whether the account's free balance covers an order that is locked at this price or pays fill by fill."""
        market, free = order.market, self.ledger.accounts[order.account].free
        if hold or (order.side == SELL and order.size):
            asset, amount = _need(market, order.side, hold, order.size)
            return free[asset] >= amount
        size, spent = self.reach(order)
        return free[market.quote] >= spent if order.side == BUY else free[market.base] >= size

    def _work(self, order: Order, now_ns: int) -> None:
        """Match an order with the book: it fills, rests or expires."""
        book = self.books[order.market.symbol]
        if order.until != Until.FOK or self.reach(order)[0] == order.size:
            self._match(book, order, now_ns)
        if not order.open:
            return
        if order.price and order.until == Until.GTC:
            self.open[order.account, order.market.symbol][order.id] = order
            book.add(order)
            return
        self.end(order, Status.EXPIRED, now_ns, UNFILLED.get(order.until, Expiry.NO_LIQUIDITY))

    def _trigger(self, order: Order, now_ns: int) -> None:
        """Start an order whose stop price was reached; an order without a price pays fill by fill from now on."""
        if not order.open:
            return
        self.lists.expire_partner(order, now_ns)
        if not order.price:
            self.relock(order, 0)
            if not self._affordable(order, 0):
                self.end(order, Status.EXPIRED, now_ns, Expiry.REJECTED)
                return
        order.update_ns = order.working_ns = now_ns
        self.report(Happening.TRIGGERED, order, now_ns)
        self.remove_from_open(order)
        self._work(order, now_ns)

    def _crosses(self, book: Book, side: int, price: int) -> bool:
        """Whether a limit at this price would match the other side."""
        other = book.side(-side).best()[0]
        return bool(other) and (price - other) * side >= 0

    def _facing(self, order: Order) -> Iterator[Order]:
        """The resting orders that this order may match, in their priority."""
        half = self.books[order.market.symbol].side(-order.side)
        for key in half.keys:
            if order.price and (order.price - abs(key)) * order.side < 0:
                return
            yield from half.levels[key].values()

    def _match(self, book: Book, order: Order, now_ns: int) -> None:
        """Match with the other side until the price, the size or the book ends."""
        while order.open:
            maker = next(self._facing(order), None)
            if maker is None:
                return
            if maker.account == order.account and order.prevention != Prevention.NONE:
                self._prevent(order, maker, now_ns)
                continue
            size = takable(order, maker.price, maker.remaining, order.filled + order.prevented, order.spent)
            if not size:
                return
            self._trade(book, order, maker, size, now_ns)

    def _trade(self, book: Book, taker: Order, maker: Order, size: int, now_ns: int) -> None:
        """Trade one size at the maker's price."""
        market, price = book.market, maker.price
        book.trade_id += 1
        book.last_price = price
        self._apply_trade(book.trade_id, maker, price, size, now_ns, is_maker=True)
        book.shrink(maker, size)
        self._apply_trade(book.trade_id, taker, price, size, now_ns, is_maker=False)
        self.prints.append(Print(market.symbol, book.trade_id, price, size, maker.side == BUY, now_ns, taker.id))
        self.stops.on_trade(market.symbol, price, now_ns)
        for order in (maker, taker):
            self.report(Happening.TRADE, order, now_ns, fill=order.fills[-1])
            if not order.open:
                self._drop(order)

    def _apply_trade(self, trade_id: int, order: Order, price: int, size: int, now_ns: int, *, is_maker: bool) -> None:
        """Apply one side of a trade: money, the order's sums and its fill."""
        market, account = order.market, self.ledger.accounts[order.account]
        notional = market.notional(price, size)
        gives, amount = _need(market, order.side, price, size)
        locked = _need(market, order.side, order.hold, size)[1] if order.hold else 0
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
        if full and order.quote_size:
            order.size = order.filled

    def _burnt(self, account: Account, market: Market, notional: int, rate: int) -> tuple[int, str] | None:
        """A whole fee in the account's third asset; None when it has no burn, too little, or the asset has no price."""
        burn = account.burn
        price = burn and self._price(burn.asset, market.quote)
        if not burn or not price:
            return None
        fee = notional * rate * (SCALE - burn.discount) // (SCALE * price)
        return (fee, burn.asset) if account.free[burn.asset] >= fee else None

    def _price(self, asset: str, quote: str) -> int:
        """The last price of an asset in another; 0 when that market does not exist."""
        if asset == quote:
            return SCALE
        markets = (book for book in self.books.values() if (book.market.base, book.market.quote) == (asset, quote))
        return next((book.last_price for book in markets), 0)

    def _prevent(self, taker: Order, maker: Order, now_ns: int) -> None:
        """Prevent an account from trading with itself, by the taker's mode."""
        self._prevented_id += 1
        left = 0 if taker.quote_size else taker.remaining  # sized in quote: there is no size to remove
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
        """Subtract a prevented size from one order; an order with nothing left expires in the match."""
        ends = bool(order.quote_size) or size >= order.remaining
        self._unlock(order, size)
        if order.quote_size:
            order.size = order.filled
        order.prevented += size
        order.prevented_match_id = prevented.id
        order.update_ns = now_ns
        if ends:
            order.status = Status.EXPIRED_IN_MATCH
        if rests:
            self.books[order.market.symbol].shrink(order, size)
        self.report(Happening.TRADE_PREVENTION, order, now_ns, prevented=prevented)
        if ends:
            self._drop(order)

    def _reduce(self, order: Order, size: int, client_id: str, now_ns: int) -> None:
        """Give an order a smaller size and a client id."""
        amended = Amendment(self._execution_id + 1, order.client_id, client_id, order.size, size, now_ns)
        order.amendments.append(amended)
        order.update_ns = now_ns
        self._unlock(order, order.size - size)
        order.size = size
        if order.works:
            self.books[order.symbol].shrink(order, amended.old_size - size)
        self._rename(order, client_id)
        self.report(Happening.REPLACED, order, now_ns, amended=amended)

    def _lock(self, order: Order, size: int) -> None:
        """Lock what a size of an order needs at its `hold` price."""
        if order.hold:
            account = self.ledger.accounts[order.account]
            self.ledger.lock(account, *_need(order.market, order.side, order.hold, size))
            account.update_ns = order.update_ns

    def _unlock(self, order: Order, size: int) -> None:
        """Free what was locked for a size of an order."""
        self._lock(order, -size)

    def _drop(self, order: Order) -> None:
        """Drop a done order from the open ones; keep it for questions if its account is watched."""
        symbol = order.market.symbol
        self.open[order.account, symbol].pop(order.id, None)
        if order.contingent:
            self.stops.remove(order)
        if self._account(order).watched:
            self._done.append(order)
            if len(self._done) <= DONE_KEPT:
                return
            order = self._done.popleft()
        self._forget(order)

    def _forget(self, order: Order) -> None:
        """Remove a done order, its client id unless a later order has it, and its list if that is done."""
        key = (order.account, order.market.symbol, order.client_id)
        del self.orders[order.market.symbol, order.id]
        if self.by_client_id.get(key) is order:
            del self.by_client_id[key]
        if order.order_list is not None and order.order_list.done:
            self.lists.forget(order.order_list)

    def _rename(self, order: Order, client_id: str) -> None:
        """Give an order another client id."""
        key = (order.account, order.market.symbol)
        del self.by_client_id[*key, order.client_id]
        order.client_id = client_id
        self.by_client_id[*key, client_id] = order

    def _account(self, order: Order) -> Account:
        """The order's owner."""
        return self.ledger.accounts[order.account]

    def report(
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
        """Append an execution if the account is watched, and queue the order for its list."""
        self._execution_id += 1
        if order.order_list is not None and happening in LIST_MOVES:
            self._moved.append(order)
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
                    order.working_ns,
                ),
            )


def _need(market: Market, side: int, price: int, size: int) -> tuple[str, int]:
    """The asset and the amount that a size at a price pays."""
    return (market.quote, price * size // SCALE) if side == BUY else (market.base, size)


def _complete(order: Order, price: int) -> bool:
    """Whether an order is filled whole; an order sized in quote is when it can pay no further size step."""
    if not order.quote_size:
        return not order.remaining
    return not payable(order, price, order.spent)


def takable(order: Order, price: int, available: int, gone: int, spent: int) -> int:
    """The part of what is available at a price that this order can fill."""
    if not order.quote_size:
        return min(available, order.size - gone)
    return min(available, payable(order, price, spent))


def payable(order: Order, price: int, spent: int) -> int:
    """The whole size steps that the rest of an order's quote amount can pay at a price."""
    size = (order.quote_size - spent) * SCALE // price
    return size - size % order.market.size_step
