"""The matching engine against a naive oracle, and every rule by name."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.loopback import matching as matching_module
from engine.loopback.ledger import Ledger
from engine.loopback.market import SCALE, Market, fixed
from engine.loopback.matching import Matching
from engine.loopback.orders import Kind, Order, OrderRequest, Refused, Rejection, Status, Until
from engine.model.words import BUY, SELL

MARKET = Market("BTCUSDT", "BTC", "USDT", notional_min=fixed("1"), open_orders_max=10_000)
PRICE, SIZE = fixed("100"), fixed("0.1")
NAMES = ("ann", "bob", "cat")
Row = tuple[str, int, int, int, Kind, Until]  # account, side, price in steps, size in units, kind, until


def engine(market: Market = MARKET, purse: str = "1000000") -> Matching:
    """An empty book and three rich accounts."""
    ledger = Ledger()
    for name in NAMES:
        ledger.open(name)
        for asset in ("BTC", "USDT"):
            ledger.deposit(name, asset, fixed(purse))
    return Matching([market], ledger)


def place(matching: Matching, account: str, side: int, price: str, size: str, **more: object) -> Order | Rejection:
    """Place an order and check the money and the books after it."""
    kind = more.pop("kind", Kind.LIMIT)
    name = str(more.pop("client_id", f"c{len(matching.orders)}"))
    request = OrderRequest(account, "BTCUSDT", name, side, kind, price=fixed(price), size=fixed(size), **more)  # type: ignore[arg-type]
    order = matching.place(request, 1)
    matching.check()
    return order


def accepted(found: Order | Rejection) -> Order:
    """The order, where there must be one."""
    assert isinstance(found, Order), found
    return found


class Oracle:
    """Price-time priority in its simplest form: sort everything, every time. No account trades with itself."""

    def __init__(self) -> None:
        """No order rests, no account gained or lost."""
        self.resting: list[list[int | str]] = []  # [number, account, side, price, left]
        self.fills: list[tuple[int, int, int, int]] = []
        self.money: dict[tuple[str, str], int] = defaultdict(int)

    def place(self, number: int, row: Row) -> None:
        """Sort who faces this order and fill it from the front."""
        account, side, price, size, kind, until = row
        facing = [r for r in self.resting if r[2] == -side and (kind == Kind.MARKET or (price - int(r[3])) * side >= 0)]
        facing.sort(key=lambda r: (int(r[3]) * side, r[0]))
        if kind == Kind.LIMIT_MAKER and facing:
            return
        if until == Until.FOK and sum(int(r[4]) for r in facing if r[1] != account) < size:
            return
        for other in facing:
            if not size:
                break
            if other[1] == account:
                self.resting.remove(other)
                continue
            step = min(size, int(other[4]))
            self.fill(number, account, side, other, step)
            size -= step
            other[4] = int(other[4]) - step
            if not other[4]:
                self.resting.remove(other)
        if size and kind != Kind.MARKET and until == Until.GTC:
            self.resting.append([number, account, side, price, size])

    def fill(self, number: int, account: str, side: int, other: list[int | str], step: int) -> None:
        """Note a fill and move the money."""
        price, size = int(other[3]) * PRICE, step * SIZE
        self.fills.append((int(other[0]), number, price, size))
        notional = price * size // SCALE
        for who, way in ((account, side), (str(other[1]), -side)):
            gets, gives = (size, notional) if way == BUY else (notional, size)
            base, quote = ("BTC", "USDT") if way == BUY else ("USDT", "BTC")
            self.money[who, base] += gets - gets * MARKET.fee_taker // SCALE
            self.money[who, quote] -= gives


rows = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from((BUY, SELL)),
    st.integers(4, 11),  # no price is five times another: the venue would refuse it, the oracle knows no such filter
    st.integers(1, 9),
    st.sampled_from((Kind.LIMIT, Kind.LIMIT, Kind.LIMIT, Kind.MARKET, Kind.LIMIT_MAKER)),
    st.sampled_from(tuple(Until)),
)


def shaped(row: Row) -> Row:
    """A row whose time in force fits its kind."""
    return row if row[4] == Kind.LIMIT else (*row[:5], Until.GTC)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(st.one_of(rows, st.integers(0, 40)), max_size=40))
def test_matches_as_the_naive_oracle_does(events: list[Row | int]) -> None:
    """Fills, books and balances must be those of the plainest reading of price-time priority."""
    matching, oracle, by_number = engine(), Oracle(), {}
    for number, event in enumerate(events):
        if isinstance(event, int):
            order = by_number.get(event)
            if order is not None and order.open:
                matching.cancel(order, "gone", number)
                oracle.resting = [r for r in oracle.resting if r[0] != event]
        else:
            row = shaped(event)
            price = 0 if row[4] == Kind.MARKET else row[2] * PRICE
            found = matching.place(
                OrderRequest(row[0], "BTCUSDT", f"n{number}", row[1], row[4], row[5], price, row[3] * SIZE), number
            )
            if isinstance(found, Order):
                by_number[number] = found
            oracle.place(number, row)
        matching.check()
    numbers = {order.id: number for number, order in by_number.items()}
    prints = {one.trade_id: one for one in matching.prints}
    sides: dict[int, dict[bool, int]] = defaultdict(dict)
    for order in by_number.values():
        for fill in order.fills:
            sides[fill.trade_id][fill.maker] = numbers[order.id]
    assert [(sides[t][True], sides[t][False], p.price, p.size) for t, p in prints.items()] == oracle.fills
    left = {numbers[o.id]: o.remaining for (_, s), v in matching.open.items() for o in v.values() if s}
    assert left == {r[0]: int(r[4]) * SIZE for r in oracle.resting}
    for name, account in matching.ledger.accounts.items():
        for asset in ("BTC", "USDT"):
            held = account.free[asset] + account.locked[asset] - fixed("1000000")
            assert held == oracle.money[name, asset], (name, asset)


def test_fok_is_filled_whole_or_not_at_all() -> None:
    """A FOK that fills in part would leave a position that no strategy asked for."""
    matching = engine()
    place(matching, "ann", SELL, "100", "1")
    none = accepted(place(matching, "bob", BUY, "100", "2", until=Until.FOK))
    assert (none.status, none.filled) == (Status.EXPIRED, 0)
    whole = accepted(place(matching, "bob", BUY, "100", "1", until=Until.FOK))
    assert whole.status == Status.FILLED


def test_ioc_fills_what_it_can_and_expires() -> None:
    """What an IOC cannot take at once must not rest."""
    matching = engine()
    place(matching, "ann", SELL, "100", "1")
    order = accepted(place(matching, "bob", BUY, "101", "3", until=Until.IOC))
    assert (order.status, order.filled) == (Status.EXPIRED, fixed("1"))
    assert not matching.books["BTCUSDT"].bids.keys


def test_post_only_never_takes() -> None:
    """A maker's price must never cost the taker's fee."""
    matching = engine()
    place(matching, "ann", SELL, "100", "1")
    refused = place(matching, "bob", BUY, "100", "1", kind=Kind.LIMIT_MAKER)
    assert refused == Rejection(Refused.WOULD_TAKE)


def test_market_order_sized_in_quote_spends_whole_steps_only() -> None:
    """The size bought is the largest whole step the amount can pay."""
    matching = engine()
    place(matching, "ann", SELL, "100.03", "1")
    request = OrderRequest("bob", "BTCUSDT", "q", BUY, Kind.MARKET, quote_size=fixed("50"))
    order = accepted(matching.place(request, 2))
    matching.check()
    assert order.status == Status.FILLED
    assert order.spent <= fixed("50") < order.spent + fixed("0.0010003") + 1
    assert order.size == order.filled


@pytest.mark.parametrize(
    ("mode", "taker", "maker", "left"),
    [
        ("EXPIRE_TAKER", Status.EXPIRED_IN_MATCH, Status.NEW, "2"),
        ("EXPIRE_MAKER", Status.NEW, Status.EXPIRED_IN_MATCH, "0"),
        ("EXPIRE_BOTH", Status.EXPIRED_IN_MATCH, Status.EXPIRED_IN_MATCH, "0"),
        ("DECREMENT", Status.EXPIRED_IN_MATCH, Status.NEW, "1"),
        ("NONE", Status.FILLED, Status.PARTIALLY_FILLED, "1"),
    ],
)
def test_self_trade_is_prevented_by_the_takers_mode(mode: str, taker: str, maker: str, left: str) -> None:
    """Each mode ends the orders of the side in its name, and money stays whole in all."""
    matching = engine()
    resting = accepted(place(matching, "ann", SELL, "100", "2"))
    coming = accepted(place(matching, "ann", BUY, "100", "1", prevention=mode))
    assert (coming.status, resting.status) == (taker, maker)
    assert matching.books["BTCUSDT"].asks.best()[1] == fixed(left)


@pytest.mark.parametrize("mode", ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "NONE"])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(rows, max_size=25))
def test_money_stays_whole_in_every_prevention_mode(mode: str, events: list[Row]) -> None:
    """Conservation, locks and uncrossed books hold after any orders of two accounts that meet themselves often."""
    matching = engine(purse="40")
    for number, event in enumerate(events):
        account, side, price, size, kind, until = shaped(event)
        quoted = kind == Kind.MARKET and size % 2
        matching.place(
            OrderRequest(
                account, "BTCUSDT", f"n{number}", side, kind, until, 0 if kind == Kind.MARKET else price * PRICE // 20,
                0 if quoted else size * SIZE, fixed("7") * size if quoted else 0, mode,
            ),
            number,
        )  # fmt: skip
        matching.check()


@pytest.mark.parametrize(
    ("price", "size", "name"),
    [
        ("100.001", "1", "PRICE_FILTER"),
        ("2000000", "1", "PRICE_FILTER"),
        ("100", "0.000001", "LOT_SIZE"),
        ("100", "10000", "LOT_SIZE"),
        ("100", "0.00100", "NOTIONAL"),
        ("501", "1", "PERCENT_PRICE_BY_SIDE"),
        ("19.99", "1", "PERCENT_PRICE_BY_SIDE"),
    ],
)
def test_filter_is_named(price: str, size: str, name: str) -> None:
    """A client learns from the name which of its numbers was wrong."""
    matching = engine()
    matching.books["BTCUSDT"].last_price = fixed("100")
    assert place(matching, "ann", BUY, price, size) == Rejection(Refused.FILTER, name)


def test_client_id_is_free_again_once_its_order_is_done() -> None:
    """The trap a blind retry falls into: after a fill the same id is a second order."""
    matching = engine()
    place(matching, "ann", SELL, "100", "1")
    first = accepted(place(matching, "bob", BUY, "100", "0.5", client_id="same"))
    second = accepted(place(matching, "bob", BUY, "100", "0.5", client_id="same"))
    assert first.id != second.id
    third = accepted(place(matching, "bob", BUY, "99", "1", client_id="same"))
    assert place(matching, "bob", BUY, "99", "1", client_id="same") == Rejection(Refused.DUPLICATE)
    matching.cancel(third, "x", 9)
    assert accepted(place(matching, "bob", BUY, "99", "1", client_id="same")).open


def test_no_account_spends_more_than_is_free() -> None:
    """Limit, market and quote-sized orders are all held against the free balance."""
    matching = engine(purse="50")
    place(matching, "ann", SELL, "100", "1")
    refused = Rejection(Refused.BALANCE)
    assert place(matching, "bob", BUY, "99", "0.51") == refused
    assert place(matching, "bob", BUY, "0", "0.51", kind=Kind.MARKET) == refused
    assert place(matching, "bob", SELL, "101", "51") == refused
    assert accepted(place(matching, "bob", BUY, "100", "0.5")).status == Status.FILLED


def test_market_refuses_steps_that_would_round() -> None:
    """Amounts are exact because the steps' product is whole; a market where it is not must not open."""
    with pytest.raises(ValueError, match="expected positive steps whose product has at most 8 decimals"):
        Market("X", "A", "B", price_step=1, size_step=1)


def test_canary_a_stolen_coin_is_found() -> None:
    """The conservation check must fail when money appears from nowhere."""
    matching = engine()
    matching.ledger.accounts["ann"].free["BTC"] += 1
    with pytest.raises(AssertionError):
        matching.check()


def test_the_oldest_done_orders_of_a_watched_account_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that runs for weeks would fill the memory; an open order and the latest done ones stay."""
    monkeypatch.setattr(matching_module, "DONE_KEPT", 3)
    matching = engine()
    matching.ledger.accounts["ann"].watched = True
    resting = accepted(place(matching, "ann", BUY, "90", "1", client_id="rests"))
    done = [accepted(place(matching, "ann", BUY, "80", "1", client_id=f"n{number % 5}")) for number in range(5)]
    for order in done:
        matching.cancel(order, "", 2)
    again = accepted(place(matching, "ann", BUY, "80", "1", client_id="n0"))
    assert list(matching.orders.values()) == [resting, *done[2:], again]
    assert {key[2]: one for key, one in matching.by_client_id.items()} == {
        "rests": resting, "n2": done[2], "n3": done[3], "n4": done[4], "n0": again,
    }  # fmt: skip
    matching.cancel(resting, "", 3)
    assert done[2].id not in {number for _, number in matching.orders}
    matching.check()
