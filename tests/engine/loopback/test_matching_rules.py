"""The matching engine's single rules, each by the figure a client would see: ids, reports, filters, exact balances."""

import pytest

from engine.loopback.ledger import Ledger
from engine.loopback.market import Burn, Market, fixed
from engine.loopback.matching import Matching
from engine.loopback.order_book import Book
from engine.loopback.orders import (
    Expiry,
    Fill,
    Happening,
    Kind,
    Order,
    OrderRequest,
    Prevention,
    Print,
    Refused,
    Rejection,
    Status,
    Until,
)
from engine.model.words import BUY, SELL

MARKET = Market("BTCUSDT", "BTC", "USDT", notional_min=fixed("1"), open_orders_max=2)


def engine(market: Market = MARKET, **purses: str) -> Matching:
    """An empty book; ann and bob own what is named, 1000 of both assets where nothing is."""
    ledger = Ledger()
    for name in ("ann", "bob"):
        ledger.open(name)
        for asset in ("BTC", "USDT"):
            ledger.deposit(name, asset, fixed(purses.get(f"{name}_{asset}", "1000")))
    ledger.open("flow", watched=False)
    ledger.deposit("flow", "BTC", fixed("1000"))
    return Matching([market], ledger, first_id=500)


def send(matching: Matching, account: str, side: int, price: str, size: str, now_ns: int = 1, **more: object) -> object:
    """Place a limit order, or another kind."""
    request = OrderRequest(
        account, "BTCUSDT", str(more.pop("client_id", f"c{now_ns}")), side, more.pop("kind", Kind.LIMIT),  # type: ignore[arg-type]
        price=fixed(price), size=fixed(size), **more,  # type: ignore[arg-type]
    )  # fmt: skip
    found = matching.place(request, now_ns)
    matching.check()
    return found


def placed(found: object) -> Order:
    """The order, where there must be one."""
    assert isinstance(found, Order), found
    return found


def test_orders_trades_reports_and_preventions_are_numbered_one_by_one() -> None:
    """Clients find a missing fill by a missing number, and a venue that restarts must not use one twice."""
    matching = engine()
    first = placed(send(matching, "ann", SELL, "100", "1", 1))
    second = placed(send(matching, "bob", BUY, "100", "0.5", 2))
    third = placed(send(matching, "bob", BUY, "100", "0.5", 3))
    assert [first.id, second.id, third.id] == [501, 502, 503]
    assert [one.trade_id for one in matching.prints] == [501, 502]
    assert [one.id for one in matching.executions] == list(range(1, len(matching.executions) + 1))
    for now_ns in (4, 6):
        send(matching, "ann", SELL, "100", "1", now_ns)
        taker = placed(send(matching, "ann", BUY, "100", "1", now_ns + 1, until=Until.IOC))
        assert [one.id for one in taker.preventions] == [(now_ns - 4) // 2]
    assert matching.books["BTCUSDT"].last_price == fixed("100")


def test_every_report_comes_in_its_order_and_for_watched_accounts_alone() -> None:
    """An engine builds its orders from these; one that is left out is an order without an end."""
    matching = engine()
    maker = placed(send(matching, "flow", SELL, "100", "1", 1))
    taker = placed(send(matching, "bob", BUY, "100", "2", 2, until=Until.IOC))
    assert [(e.happening, e.order, e.status) for e in matching.executions] == [
        (Happening.NEW, taker, Status.NEW),
        (Happening.TRADE, taker, Status.PARTIALLY_FILLED),
        (Happening.EXPIRED, taker, Status.EXPIRED),
    ]
    assert (maker.status, taker.filled, taker.spent, taker.update_ns) == (Status.FILLED, fixed("1"), fixed("100"), 2)
    assert ("BTCUSDT", taker.id) in matching.orders
    assert ("BTCUSDT", maker.id) not in matching.orders
    assert ("flow", "BTCUSDT", maker.client_id) not in matching.by_client_id
    assert matching.by_client_id["bob", "BTCUSDT", taker.client_id] is taker


def test_account_is_stamped_by_each_change_of_what_it_owns() -> None:
    """A client distinguishes an old balance from a new one by the time of the account's last change."""
    matching = engine()
    ann = matching.ledger.accounts["ann"]
    order = placed(send(matching, "ann", SELL, "100", "1", 7))
    assert ann.update_ns == 7
    send(matching, "bob", BUY, "100", "0.4", 8)
    assert ann.update_ns == matching.ledger.accounts["bob"].update_ns == order.update_ns == 8
    matching.cancel(order, "gone", 9)
    assert ann.update_ns == order.update_ns == 9


@pytest.mark.parametrize(
    ("size", "quote_size", "name"),
    [("0.000001", "0", "LOT_SIZE"), ("0.001", "0", "NOTIONAL"), ("0", "0.5", "NOTIONAL"), ("9001", "0", "LOT_SIZE")],
)
def test_market_order_passes_the_filters_too(size: str, quote_size: str, name: str) -> None:
    """A market order of a size that no limit order may have would be a way round the filters."""
    matching = engine()
    send(matching, "ann", SELL, "100", "1", 1)
    send(matching, "bob", BUY, "100", "0.01", 2)
    found = send(matching, "bob", BUY, "0", size, 3, kind=Kind.MARKET, quote_size=fixed(quote_size))
    assert found == Rejection(Refused.FILTER, name)


def test_market_order_before_the_first_trade_has_no_notional_filter() -> None:
    """Without a last price there is nothing to value it by."""
    matching = engine()
    send(matching, "ann", SELL, "100", "1", 1)
    assert placed(send(matching, "bob", BUY, "0", "0.001", 2, kind=Kind.MARKET)).status == Status.FILLED


def test_as_many_open_orders_as_allowed_and_not_one_more() -> None:
    """The limit holds watched accounts; the background flow has none."""
    matching = engine()
    for now_ns in (1, 2):
        placed(send(matching, "ann", SELL, "100", "1", now_ns))
        placed(send(matching, "flow", SELL, "100", "1", now_ns + 10))
    assert send(matching, "ann", SELL, "100", "1", 3) == Rejection(Refused.FILTER, "MAX_NUM_ORDERS")
    assert send(matching, "ann", SELL, "100.001", "1", 3) == Rejection(Refused.FILTER, "PRICE_FILTER")
    placed(send(matching, "flow", SELL, "100", "1", 13))


def test_closed_market_accepts_nothing() -> None:
    """A market that is shown as closed must be closed."""
    matching = engine(Market("BTCUSDT", "BTC", "USDT", trading=False))
    assert send(matching, "ann", SELL, "100", "1") == Rejection(Refused.CLOSED)


@pytest.mark.parametrize(
    ("side", "asset", "price", "size", "kind"),
    [
        (SELL, "BTC", "0", "1", Kind.MARKET),
        (BUY, "USDT", "0", "1", Kind.MARKET),
        (SELL, "BTC", "100", "1", Kind.LIMIT),
        (BUY, "USDT", "100", "1", Kind.LIMIT),
    ],
)
def test_all_that_is_free_may_be_spent_and_not_one_unit_more(
    side: int, asset: str, price: str, size: str, kind: Kind
) -> None:
    """The last cent of a balance is the client's own; the first that is missing is not."""
    exact = "1" if asset == "BTC" else "100"
    for short in (0, 1):
        matching = engine(**{f"bob_{asset}": exact})
        send(matching, "ann", -side, "100", "1", 1)
        if short:
            matching.ledger.deposit("bob", asset, -1)
        found = send(matching, "bob", side, price, size, 2, kind=kind)
        assert found == Rejection(Refused.BALANCE) if short else placed(found).status == Status.FILLED


def test_market_sell_sized_in_quote_needs_the_base_it_will_sell() -> None:
    """What it sells is known only from the book; the account must own exactly that."""
    for owned, done in (("0.5", True), ("0.49999", False)):
        matching = engine(bob_BTC=owned)
        send(matching, "ann", BUY, "100", "1", 1)
        found = send(matching, "bob", SELL, "0", "0", 2, kind=Kind.MARKET, quote_size=fixed("50"))
        assert placed(found).filled == fixed("0.5") if done else found == Rejection(Refused.BALANCE)


def test_limit_meets_the_other_side_at_its_own_price_and_not_beyond() -> None:
    """One step decides between a fill and an order that waits; post-only is refused at exactly that step."""
    matching = engine()
    send(matching, "ann", SELL, "100", "1", 1)
    assert send(matching, "bob", BUY, "100", "0.5", 2, kind=Kind.LIMIT_MAKER) == Rejection(Refused.WOULD_TAKE)
    waits = placed(send(matching, "bob", BUY, "99.99", "0.5", 3, kind=Kind.LIMIT_MAKER))
    assert waits.open
    matching.cancel(waits, "gone", 4)
    assert placed(send(matching, "bob", BUY, "99.99", "0.5", 5)).filled == 0
    assert placed(send(matching, "bob", BUY, "100", "0.5", 6)).status == Status.FILLED


def test_reduced_order_gives_back_exactly_what_it_locked() -> None:
    """Money that stays locked for a part that is gone is money lost."""
    matching = engine()
    order = placed(send(matching, "bob", BUY, "100", "1", 1, client_id="old"))
    assert matching.amend(order, fixed("0.25"), "new", 5) is None
    matching.check()
    bob = matching.ledger.accounts["bob"]
    assert (bob.locked["USDT"], bob.free["USDT"]) == (fixed("25"), fixed("975"))
    reported = matching.executions[-1]
    assert (reported.happening, reported.status, reported.id, order.update_ns) == (Happening.REPLACED, Status.NEW, 2, 5)
    assert reported.amended == order.amendments[0]
    assert reported.amended is not None
    assert (reported.amended.execution_id, reported.amended.old_client_id, reported.amended.client_id) == (
        2,
        "old",
        "new",
    )
    assert matching.by_client_id["bob", "BTCUSDT", "new"] is order
    assert ("bob", "BTCUSDT", "old") not in matching.by_client_id
    assert matching.amend(order, fixed("0.001"), "new", 6) == Rejection(Refused.FILTER, "NOTIONAL")
    assert matching.amend(order, fixed("0.200001"), "new", 6) == Rejection(Refused.FILTER, "LOT_SIZE")
    placed(send(matching, "bob", BUY, "99", "1", 7, client_id="other"))
    assert matching.amend(order, fixed("0.2"), "other", 8) == Rejection(Refused.DUPLICATE)
    assert order.size == fixed("0.25")


def meeting_itself(mode: str, *, quote_size: str = "0", size: str = "0") -> tuple[Matching, Order, Order]:
    """An account's waiting sale of 2 at 100, and its own purchase that meets it: at a limit, or sized in quote."""
    matching = engine()
    maker = placed(send(matching, "ann", SELL, "100", "2", 1))
    sized = {"kind": Kind.MARKET, "quote_size": fixed(quote_size)} if fixed(quote_size) else {"until": Until.IOC}
    price = "0" if fixed(quote_size) else "100"
    return matching, maker, placed(send(matching, "ann", BUY, price, size, 2, prevention=mode, **sized))


@pytest.mark.parametrize(
    ("mode", "taker_size", "maker_size"),
    [
        (Prevention.EXPIRE_TAKER, "0.5", "0"),
        (Prevention.EXPIRE_MAKER, "0", "2"),
        (Prevention.EXPIRE_BOTH, "0.5", "2"),
        (Prevention.DECREMENT, "0.5", "0.5"),
    ],
)
def test_prevented_match_reduces_orders_by_its_mode_and_reports_each_of_them(
    mode: Prevention, taker_size: str, maker_size: str
) -> None:
    """A client that receives too many events, or the wrong order's, counts a gone order as open, or loses one."""
    matching, maker, taker = meeting_itself(mode, size="0.5")
    (prevented,) = taker.preventions
    assert prevented == (0, maker.id, fixed("100"), fixed(taker_size), fixed(maker_size), 2)
    assert (taker.prevented, maker.prevented) == (fixed(taker_size), fixed(maker_size))
    reported = [one for one in matching.executions if one.happening == Happening.TRADE_PREVENTION]
    lost = [(order, order.status) for order in (maker, taker) if order.prevented]
    assert [(one.order, one.status) for one in reported] == lost
    assert all((one.prevented, one.now_ns, one.fill, one.filled) == (prevented, 2, None, 0) for one in reported)
    assert [order.prevented_match_id for order in (maker, taker)] == [0 if o.prevented else -1 for o in (maker, taker)]
    assert [order.update_ns for order in (maker, taker)] == [2 if maker.prevented else 1, 2]
    ann = matching.ledger.accounts["ann"]
    assert (ann.locked["BTC"], ann.locked["USDT"]) == (fixed("2") - fixed(maker_size), 0)
    assert (ann.free["BTC"], ann.free["USDT"]) == (fixed("998") + fixed(maker_size), fixed("1000"))


@pytest.mark.parametrize(
    ("mode", "taker_ends", "maker_ends"),
    [
        (Prevention.EXPIRE_TAKER, Status.EXPIRED_IN_MATCH, Status.NEW),
        (Prevention.EXPIRE_MAKER, Status.EXPIRED, Status.EXPIRED_IN_MATCH),
        (Prevention.EXPIRE_BOTH, Status.EXPIRED_IN_MATCH, Status.EXPIRED_IN_MATCH),
        (Prevention.DECREMENT, Status.EXPIRED, Status.EXPIRED_IN_MATCH),
    ],
)
def test_order_sized_in_quote_loses_no_size_to_a_prevented_match(
    mode: Prevention, taker_ends: Status, maker_ends: Status
) -> None:
    """Its size is not known, so only the waiting order's can be reduced; it ends where its mode ends the taker."""
    matching, maker, taker = meeting_itself(mode, quote_size="50")
    kept = fixed("2") if maker_ends == Status.NEW else 0
    assert taker.preventions == [(0, maker.id, fixed("100"), 0, fixed("2") - kept, 2)]
    assert (taker.status, maker.status, taker.size, taker.prevented) == (taker_ends, maker_ends, 0, 0)
    assert (maker.prevented, matching.books["BTCUSDT"].asks.best()[1]) == (fixed("2") - kept, kept)
    reported = [one.order for one in matching.executions if one.happening == Happening.TRADE_PREVENTION]
    assert reported == [o for o, end in ((maker, maker_ends), (taker, taker_ends)) if end == Status.EXPIRED_IN_MATCH]


def test_order_sized_in_quote_that_traded_before_it_met_itself_keeps_what_it_traded_as_its_size() -> None:
    """The venue shows what such an order bought as its quantity once it is over."""
    matching = engine()
    send(matching, "bob", SELL, "99", "0.25", 1)
    send(matching, "ann", SELL, "100", "2", 2)
    taker = placed(
        send(matching, "ann", BUY, "0", "0", 3, kind=Kind.MARKET, quote_size=fixed("50"), prevention="EXPIRE_TAKER")
    )
    assert (taker.status, taker.size, taker.filled) == (Status.EXPIRED_IN_MATCH, fixed("0.25"), fixed("0.25"))


def test_decremented_order_goes_on_with_what_is_left() -> None:
    """A market order that is larger than what it may not meet must still get the rest from others, and no more."""
    matching = engine()
    own = placed(send(matching, "ann", SELL, "99", "1", 1))
    send(matching, "bob", SELL, "100", "5", 2)
    taker = placed(send(matching, "ann", BUY, "0", "3", 3, kind=Kind.MARKET, prevention="DECREMENT"))
    assert (taker.status, taker.filled, taker.prevented, taker.size) == (
        Status.FILLED,
        fixed("2"),
        fixed("1"),
        fixed("3"),
    )
    assert (own.status, own.remaining, own.open) == (Status.EXPIRED_IN_MATCH, 0, False)


REACHES = [
    (Prevention.NONE, "4", "0", "4", "403"),
    (Prevention.EXPIRE_TAKER, "4", "0", "1", "100"),
    (Prevention.EXPIRE_BOTH, "4", "0", "1", "100"),
    (Prevention.EXPIRE_MAKER, "4", "0", "4", "406"),
    (Prevention.DECREMENT, "4", "0", "1", "100"),
    (Prevention.DECREMENT, "5", "0", "2", "202"),
    (Prevention.DECREMENT, "3", "0", "1", "100"),
    (Prevention.DECREMENT, "2", "0", "1", "100"),
    (Prevention.NONE, "0", "201.0005", "2", "201"),
    (Prevention.EXPIRE_MAKER, "0", "304", "3", "304"),
    (Prevention.DECREMENT, "0", "304", "3", "304"),
    (Prevention.EXPIRE_TAKER, "0", "304", "1", "100"),
]


@pytest.mark.parametrize(("mode", "size", "quote_size", "reached", "notional"), REACHES)
def test_what_an_order_would_fill_is_known_before_it_is_sent(
    mode: Prevention, size: str, quote_size: str, reached: str, notional: str
) -> None:
    """A FOK order and the balance of a market order are judged by it: 1 at 100, 1 and 2 of its own at 101, 3 at 102."""
    matching = engine()
    for now_ns, (account, price, rests) in enumerate(
        [("bob", "100", "1"), ("ann", "101", "1"), ("ann", "101", "2"), ("bob", "102", "3"), ("bob", "103", "9")]
    ):
        send(matching, account, SELL, price, rests, now_ns)
    kind = Kind.MARKET if fixed(quote_size) else Kind.LIMIT
    probe = Order(
        0, "ann", MARKET, "", BUY, kind, Until.FOK, fixed("102"), fixed(size), fixed(quote_size), mode, 0, 0
    )  # fmt: skip
    assert matching.reach(probe) == (fixed(reached), fixed(notional))


def test_cancel_is_reported_with_its_own_id_and_the_order_as_it_was() -> None:
    """The report of a cancel carries both ids; a client finds its order by the one and its request by the other."""
    matching = engine()
    order = placed(send(matching, "ann", SELL, "100", "1", 1))
    send(matching, "bob", BUY, "100", "0.4", 2)
    matching.cancel(order, "the cancel", 3)
    reported = matching.executions[-1]
    assert (reported.happening, reported.order, reported.status, reported.cancel_id) == (
        Happening.CANCELED, order, Status.CANCELED, "the cancel",
    )  # fmt: skip
    assert (reported.filled, reported.spent, reported.now_ns, reported.fill, reported.prevented) == (
        fixed("0.4"),
        fixed("40"),
        3,
        None,
        None,
    )
    assert reported.id == len(matching.executions)
    assert (order.id in matching.open["ann", "BTCUSDT"], matching.ledger.accounts["ann"].locked["BTC"]) == (False, 0)


@pytest.mark.parametrize(("quote_size", "sold"), [("100.00098", "1"), ("50.00098", "0.5")])
def test_sale_sized_in_quote_needs_no_more_than_it_will_sell(quote_size: str, sold: str) -> None:
    """It ends where its price pays no further step, though a lower one would: who owns just that must be able to."""
    matching = engine(ann_BTC=sold)
    for now_ns, price in enumerate(("100", "98")):
        send(matching, "bob", BUY, price, "1", now_ns)
    taker = placed(send(matching, "ann", SELL, "0", "0", 3, kind=Kind.MARKET, quote_size=fixed(quote_size)))
    assert (taker.status, taker.filled) == (Status.FILLED, fixed(sold))


def test_sale_sized_in_quote_fills_nothing_where_the_best_price_is_more_than_its_amount() -> None:
    """The next price would pay one step, but a match never passes an order over."""
    matching = engine()
    for now_ns, price in enumerate(("100", "98")):
        send(matching, "bob", BUY, price, "1", now_ns)
    probe = Order(0, "ann", MARKET, "", SELL, Kind.MARKET, Until.GTC, 0, 0, fixed("0.00098"), Prevention.NONE, 0, 0)
    assert matching.reach(probe) == (0, 0)


def test_each_side_of_a_trade_pays_its_own_fee_out_of_what_it_gets() -> None:
    """A maker that pays the taker's fee quotes at a loss; the venue keeps what both pay."""
    market = Market("BTCUSDT", "BTC", "USDT", fee_maker=fixed("0.001"), fee_taker=fixed("0.002"))
    for side in (BUY, SELL):
        matching = engine(market)
        maker, taker = (placed(send(matching, who, way, "100", "1", at)) for who, way, at in (
            ("ann", side, 1), ("bob", -side, 2),
        ))  # fmt: skip
        buyer, seller = ("ann", "bob") if side == BUY else ("bob", "ann")
        fees = {"ann": "0.001", "bob": "0.002"}
        free = {name: one.free for name, one in matching.ledger.accounts.items()}
        assert free[buyer] == {"BTC": fixed("1001") - fixed(fees[buyer]), "USDT": fixed("900")}
        assert free[seller] == {"BTC": fixed("999"), "USDT": fixed("1100") - 100 * fixed(fees[seller])}
        assert matching.ledger.fees == {"BTC": fixed(fees[buyer]), "USDT": 100 * fixed(fees[seller])}
        assets = {name: ("BTC", 1) if name == buyer else ("USDT", 100) for name in fees}
        for order, name in ((maker, "ann"), (taker, "bob")):
            asset, times = assets[name]
            assert order.fills == [
                Fill(501, order.id, fixed("100"), fixed("1"), fixed("100"), times * fixed(fees[name]), asset,
                     order.side, order is maker, 2)
            ]  # fmt: skip
        assert matching.prints == [Print("BTCUSDT", 501, fixed("100"), fixed("1"), side == BUY, 2, taker.id)]
        reported = [(one.order, one.fill) for one in matching.executions if one.happening == Happening.TRADE]
        assert reported == [(maker, maker.fills[0]), (taker, taker.fills[0])]


def test_every_fill_is_reported_with_the_report_that_it_belongs_to() -> None:
    """The first one sent twice and the second not at all would be a position of another size."""
    matching = engine()
    maker = placed(send(matching, "ann", SELL, "100", "1", 1))
    for now_ns in (2, 3):
        send(matching, "bob", BUY, "100", "0.5", now_ns)
    reported = [one.fill for one in matching.executions if one.order is maker and one.happening == Happening.TRADE]
    assert reported == maker.fills
    assert len(set(maker.fills)) == 2


@pytest.mark.parametrize(("until", "expiry"), [(Until.IOC, Expiry.IOC), (Until.FOK, Expiry.FOK)])
def test_an_order_that_may_not_wait_expires_for_that_reason(until: Until, expiry: Expiry) -> None:
    """A client that reads another reason waits for something else."""
    matching = engine()
    send(matching, "ann", SELL, "100", "1", 1)
    order = placed(send(matching, "bob", BUY, "100", "2", 2, until=until))
    assert (order.status, order.expiry, order.filled) == (
        Status.EXPIRED, expiry, fixed("1") if until == Until.IOC else 0,
    )  # fmt: skip


def test_an_order_sized_in_quote_that_the_book_ends_is_as_large_as_what_it_bought() -> None:
    """Another order keeps the size that it was sent with, whatever became of it."""
    matching = engine()
    send(matching, "ann", SELL, "100", "0.25", 1)
    taker = placed(send(matching, "bob", BUY, "0", "0", 2, kind=Kind.MARKET, quote_size=fixed("50")))
    assert (taker.status, taker.expiry, taker.size) == (Status.EXPIRED, Expiry.NO_LIQUIDITY, fixed("0.25"))
    order = placed(send(matching, "ann", SELL, "100", "1", 3))
    send(matching, "bob", BUY, "100", "0.25", 4)
    matching.cancel(order, "gone", 5)
    assert (order.size, order.filled) == (fixed("1"), fixed("0.25"))


def test_an_order_sized_in_quote_ends_where_the_next_price_pays_no_step() -> None:
    """What is left of the amount bought a step at the last price; at the next one it buys none."""
    matching = engine()
    send(matching, "ann", SELL, "100", "0.5", 1)
    send(matching, "ann", SELL, "200", "1", 2)
    taker = placed(send(matching, "bob", BUY, "0", "0", 3, kind=Kind.MARKET, quote_size=fixed("50.0015")))
    assert (taker.status, taker.filled, len(matching.prints)) == (Status.EXPIRED, fixed("0.5"), 1)


def test_orders_are_numbered_from_one_where_no_number_is_given() -> None:
    """Number 0 means no order."""
    matching = Matching([MARKET], engine().ledger)
    assert placed(send(matching, "ann", SELL, "100", "1")).id == 1


def test_no_filter_is_an_empty_name() -> None:
    """It is written into the answer unchanged."""
    matching = engine()
    for account in ("ann", "flow"):
        request = OrderRequest(account, "BTCUSDT", "", SELL, Kind.LIMIT, price=fixed("100"), size=fixed("1"))
        assert matching.filter_failed(request) == matching.room_failed((request,)) == ""


def test_the_least_unit_of_a_price_decides_whether_two_orders_meet() -> None:
    """In a market whose step is the last decimal, one unit off is a price that waits."""
    fine = Market(
        "BTCUSDT", "BTC", "USDT", price_step=1, price_min=1, size_step=fixed("1"), size_min=fixed("1"),
        notional_min=1,
    )  # fmt: skip
    for kind in (Kind.LIMIT, Kind.LIMIT_MAKER):
        matching = engine(fine)
        send(matching, "ann", SELL, "100.00000001", "1", 1)
        waits = placed(send(matching, "bob", BUY, "100", "1", 2, kind=kind))
        assert (waits.open, waits.filled) == (True, 0)


def test_an_order_that_trails_from_now_is_locked_at_the_last_price() -> None:
    """It has no price of its own; before any trade the market's least price is used for it."""
    for traded, price in ((False, "0.01"), (True, "100")):
        matching = engine(bob_USDT="500")
        if traded:
            for now_ns, (who, side) in enumerate((("ann", SELL), ("flow", SELL), ("bob", BUY))):
                send(matching, who, side, "100" if who != "flow" else "101", "1", now_ns)
        before = matching.ledger.accounts["bob"].free["USDT"]
        order = placed(send(matching, "bob", BUY, "0", "2", 5, kind=Kind.STOP_LOSS, trailing=100))
        assert (order.worth, order.hold) == (fixed(price), fixed(price))
        assert matching.ledger.accounts["bob"].free["USDT"] == before - 2 * fixed(price)


@pytest.mark.parametrize(
    ("asset", "owned", "last", "fee"),
    [
        ("BNB", "0.00025", "300", ("BNB", "0.00025")),
        ("BNB", "0.00024999", "300", ("BTC", "0.001")),
        ("BNB", "1", "0", ("BTC", "0.001")),
        ("XRP", "10000000", "300", ("BTC", "0.001")),
        ("USDT", "0", "300", ("USDT", "0.075")),
        ("", "0", "300", ("BTC", "0.001")),
    ],
)
def test_a_fee_is_burnt_in_a_third_asset_while_there_is_enough_and_a_price(
    asset: str, owned: str, last: str, fee: tuple[str, str]
) -> None:
    """0.1 % of 100 USDT less a quarter is 0.075 USDT; at 300 that is 0.00025 BNB. Without either the fee is in BTC."""
    matching = engine()
    matching.books["BNBUSDT"] = Book(Market("BNBUSDT", "BNB", "USDT"))
    matching.books["BNBUSDT"].last_price = fixed(last)
    bob = matching.ledger.accounts["bob"]
    bob.burn = Burn(asset) if asset else None
    for held in ("BNB", "XRP"):
        matching.ledger.deposit("bob", held, fixed(owned))
    send(matching, "ann", SELL, "100", "1", 1)
    (fill,) = placed(send(matching, "bob", BUY, "100", "1", 2)).fills
    assert (fill.fee_asset, fill.fee) == (fee[0], fixed(fee[1]))
    assert matching.ledger.fees[fee[0]] == fixed(fee[1]) + (fixed("0.1") if fee[0] == "USDT" else 0)


def test_a_cancelled_stop_waits_no_longer_and_one_that_was_reached_does_not_start() -> None:
    """It would sell what its owner has kept."""
    matching = engine()
    for reached in (False, True):
        order = placed(send(matching, "ann", SELL, "0", "1", 1, kind=Kind.STOP_LOSS, stop=fixed("90")))
        if reached:
            matching.stops.on_trade("BTCUSDT", fixed("80"), 2)
        matching.cancel(order, "gone", 3)
        matching.check()
        matching.stops.on_trade("BTCUSDT", fixed("80"), 4)
        assert not matching.stops.reached
        reported = [one.happening for one in matching.executions if one.order is order]
        assert (order.status, reported) == (Status.CANCELED, [Happening.NEW, Happening.CANCELED])


@pytest.mark.parametrize(("delta", "passes"), [(9, False), (10, True), (2_000, True), (2_001, False)])
def test_the_least_and_the_largest_trailing_delta_are_inside(delta: int, passes: bool) -> None:
    """One hundredth of a percent decides."""
    found = send(engine(), "ann", SELL, "0", "1", 1, kind=Kind.STOP_LOSS, stop=fixed("90"), trailing=delta)
    assert placed(found).open if passes else found == Rejection(Refused.FILTER, "TRAILING_DELTA")


def test_a_limit_order_needs_a_price() -> None:
    """At a price of nothing it would be a market order that rests."""
    assert send(engine(), "ann", SELL, "0", "1") == Rejection(Refused.FILTER, "PRICE_FILTER")
