"""The matching engine's single rules, each by the figure a client would see: ids, reports, filters, exact balances."""

import pytest

from engine.model.words import BUY, SELL
from engine.venues.sim.ledger import Ledger
from engine.venues.sim.market import Market, fixed
from engine.venues.sim.matching import Matching
from engine.venues.sim.orders import Happening, Kind, Order, OrderRequest, Refused, Rejection, Status, Until

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
    """The time of an account's last change is how a client tells an old balance from a new one."""
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


def test_closed_market_takes_nothing() -> None:
    """A market that is told as closed must be closed."""
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
    told = matching.executions[-1]
    assert (told.happening, told.status, told.id, order.update_ns) == (Happening.REPLACED, Status.NEW, 2, 5)
    assert told.amended == order.amendments[0]
    assert told.amended is not None
    assert (told.amended.execution_id, told.amended.old_client_id, told.amended.client_id) == (2, "old", "new")
    assert matching.by_client_id["bob", "BTCUSDT", "new"] is order
    assert ("bob", "BTCUSDT", "old") not in matching.by_client_id
    assert matching.amend(order, fixed("0.001"), "new", 6) == Rejection(Refused.FILTER, "NOTIONAL")
    assert matching.amend(order, fixed("0.200001"), "new", 6) == Rejection(Refused.FILTER, "LOT_SIZE")
    placed(send(matching, "bob", BUY, "99", "1", 7, client_id="other"))
    assert matching.amend(order, fixed("0.2"), "other", 8) == Rejection(Refused.DUPLICATE)
    assert order.size == fixed("0.25")
