"""Order lists and stops by their single rules: what is locked, which order expires and why, and an account's events."""

from collections.abc import Callable

import pytest

from engine.loopback import matching as matching_module
from engine.loopback.ledger import Ledger
from engine.loopback.market import Market, fixed
from engine.loopback.matching import Matching
from engine.loopback.order_lists import ListEvent, ListMove, ListRequest, OrderList
from engine.loopback.orders import Execution, Expiry, Happening, Kind, Order, OrderRequest, Refused, Rejection, Status
from engine.loopback.orders import Until as T
from engine.model.words import BUY, SELL

MARKET = Market("BTCUSDT", "BTC", "USDT", notional_min=fixed("1"), fee_maker=0, fee_taker=0)
LAST = "100"


class Floor:
    """One market with a last price of 100, ann with the amounts that a test sets, and a rich bob."""

    def __init__(self, btc: str = "10", usdt: str = "1000", market: Market = MARKET) -> None:
        """A trade at 100 between two others, and an empty book."""
        ledger = Ledger()
        for name, base, quote in (("ann", btc, usdt), ("bob", "1000", "100000"), ("cat", "1000", "100000")):
            ledger.open(name)
            ledger.deposit(name, "BTC", fixed(base))
            ledger.deposit(name, "USDT", fixed(quote))
        self.matching = Matching([market], ledger)
        self.now_ns = 0
        self.trade(LAST)

    def request(
        self, side: int, kind: Kind, size: str, price: str = "0", stop: str = "0", **more: object
    ) -> OrderRequest:
        """An order of ann's."""
        self.now_ns += 1
        name = str(more.pop("name", f"o{self.now_ns}"))
        return OrderRequest(
            str(more.pop("account", "ann")), "BTCUSDT", name, side, kind, price=fixed(price), size=fixed(size),
            stop=fixed(stop), **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def send(self, side: int, kind: Kind, size: str, price: str = "0", stop: str = "0", **more: object) -> Order:
        """Place an order, which must be accepted."""
        found = self.matching.place(self.request(side, kind, size, price, stop, **more), self.now_ns)
        self.matching.check()
        assert isinstance(found, Order), found
        return found

    def trade(self, price: str, size: str = "0.1") -> None:
        """Let bob and cat trade at a price at which no other order rests."""
        self.send(SELL, Kind.LIMIT, size, price, account="bob")
        self.send(BUY, Kind.LIMIT, size, price, account="cat")

    def offer(self, *legs: OrderRequest, working: OrderRequest | None = None, name: str = "") -> OrderList | Rejection:
        """Place a list of ann's."""
        self.now_ns += 1
        request = ListRequest("ann", "BTCUSDT", name or f"l{self.now_ns}", working, legs)
        found = self.matching.lists.place(request, self.now_ns, lambda one: one)
        self.matching.check()
        return found

    def accepted(self, *legs: OrderRequest, working: OrderRequest | None = None) -> OrderList:
        """Place a list, which must be accepted."""
        found = self.offer(*legs, working=working)
        assert isinstance(found, OrderList), found
        return found

    def sale(self, size: str = "1", gain: str = "110", stop: str = "90", **more: object) -> OrderList:
        """An OCO that sells: a stop loss below, a limit above."""
        return self.accepted(
            self.request(SELL, Kind.STOP_LOSS, size, stop=stop, **more),
            self.request(SELL, Kind.LIMIT_MAKER, size, gain, **more),
        )

    def entry(self, size: str = "1", price: str = "95", **more: object) -> OrderRequest:
        """A working order that buys."""
        return self.request(BUY, Kind.LIMIT, size, price, **more)

    def purse(self) -> dict[str, str]:
        """What ann has free and locked, as text without zeros."""
        account = self.matching.ledger.accounts["ann"]
        shown = {"BTC": account.free, "BTC locked": account.locked, "USDT": account.free, "USDT locked": account.locked}
        return {name: f"{amounts[name.split()[0]] / 10**8:g}" for name, amounts in shown.items()}

    def events(self) -> list[str]:
        """What happened to ann's orders and lists since the last time, in words."""
        found, self.matching.executions = self.matching.executions, []
        return [words(one) for one in found if isinstance(one, ListEvent) or one.order.account == "ann"]


def words(one: Execution | ListEvent) -> str:
    """An event, short."""
    if isinstance(one, ListEvent):
        return f"list {one.move.name}"
    works = "" if one.working_ns >= 0 else " waits"
    return f"{one.order.kind} {one.happening} {one.status}{works}"


def test_pair_locks_once_what_the_dearer_order_needs() -> None:
    """Only one of the two may trade: what is locked twice is missing, what is locked too little is spent twice."""
    floor = Floor(btc="1")
    floor.sale("1")
    assert floor.purse() == {"BTC": "0", "BTC locked": "1", "USDT": "1000", "USDT locked": "0"}
    floor = Floor(usdt="115")
    pair = floor.accepted(
        floor.request(BUY, Kind.STOP_LOSS_LIMIT, "1", "115", "110"), floor.request(BUY, Kind.LIMIT_MAKER, "1", "90")
    )
    assert floor.purse()["USDT locked"] == "115"
    floor.send(SELL, Kind.LIMIT, "0.4", "90", account="bob")
    assert floor.purse() == {"BTC": "10.4", "BTC locked": "0", "USDT": "25", "USDT locked": "54"}
    assert [leg.status for leg in pair.legs] == [Status.EXPIRED, Status.PARTIALLY_FILLED]
    assert not pair.done
    floor.send(SELL, Kind.LIMIT, "0.6", "90", account="bob")
    assert floor.purse() == {"BTC": "11", "BTC locked": "0", "USDT": "25", "USDT locked": "0"}
    assert pair.done


def test_limit_that_is_touched_expires_the_stop_after_its_fill() -> None:
    """An account receives the fill first, then the order that it ended, then that the list is done."""
    floor = Floor()
    floor.events()
    pair = floor.sale()
    assert floor.events() == ["STOP_LOSS NEW NEW waits", "LIMIT_MAKER NEW NEW", "list PLACED"]
    floor.send(BUY, Kind.LIMIT, "0.3", "110", account="bob")
    assert floor.events() == ["LIMIT_MAKER TRADE PARTIALLY_FILLED", "STOP_LOSS EXPIRED EXPIRED waits"]
    assert (pair.legs[0].expiry, pair.done) == (Expiry.OCO_TRIGGER, False)
    floor.send(BUY, Kind.LIMIT, "0.7", "110", account="bob")
    assert floor.events() == ["LIMIT_MAKER TRADE FILLED", "list DONE"]


def test_stop_that_is_reached_expires_the_limit_before_it_works() -> None:
    """The limit must be off the book before the stop sells: both would sell one coin twice."""
    floor = Floor(btc="1")
    pair = floor.sale()
    floor.send(BUY, Kind.LIMIT, "5", "85", account="cat")
    floor.events()
    floor.trade("90")
    assert floor.events() == [
        "LIMIT_MAKER EXPIRED EXPIRED",
        "STOP_LOSS TRIGGERED NEW",
        "STOP_LOSS TRADE FILLED",
        "list DONE",
    ]
    assert pair.legs[1].expiry == Expiry.OCO_TRIGGER
    assert floor.purse() == {"BTC": "0", "BTC locked": "0", "USDT": "1085", "USDT locked": "0"}


def test_stop_limit_rests_once_it_is_reached_and_the_list_lives_as_long() -> None:
    """A list is not done while one of its orders may still be filled."""
    floor = Floor()
    pair = floor.accepted(
        floor.request(SELL, Kind.STOP_LOSS_LIMIT, "1", "95", "90"), floor.request(SELL, Kind.LIMIT_MAKER, "1", "110")
    )
    floor.trade("89")
    stop, limit = pair.legs
    assert (stop.status, stop.works, limit.status, pair.done) == (Status.NEW, True, Status.EXPIRED, False)
    assert floor.matching.books["BTCUSDT"].asks.best() == (fixed("95"), fixed("1"))
    floor.matching.cancel(stop, "gone", 99)
    assert pair.done
    assert floor.purse()["BTC locked"] == "0"


def test_pair_of_two_contingent_orders_locks_for_the_one_that_is_reached() -> None:
    """Both legs are off the book, and the second may be the dearer or the cheaper."""
    floor = Floor()
    pair = floor.accepted(
        floor.request(BUY, Kind.STOP_LOSS_LIMIT, "1", "120", "110"),
        floor.request(BUY, Kind.TAKE_PROFIT_LIMIT, "1", "85", "90"),
    )
    assert floor.purse()["USDT locked"] == "120"
    floor.trade("90")
    assert [leg.status for leg in pair.legs] == [Status.EXPIRED, Status.NEW]
    assert floor.purse() == {"BTC": "10", "BTC locked": "0", "USDT": "915", "USDT locked": "85"}


def test_pending_order_is_placed_when_the_working_one_is_filled_whole_and_not_before() -> None:
    """A sale before the purchase is complete would sell coins that the account does not have."""
    floor = Floor(btc="0")
    one = floor.accepted(floor.request(SELL, Kind.LIMIT, "1", "120"), working=floor.entry())
    pending = one.legs[0]
    floor.send(SELL, Kind.LIMIT, "0.6", "95", account="bob")
    assert (pending.status, pending.works) == (Status.PENDING_NEW, False)
    assert floor.purse() == {"BTC": "0.6", "BTC locked": "0", "USDT": "905", "USDT locked": "38"}
    floor.events()
    floor.send(SELL, Kind.LIMIT, "0.4", "95", account="bob")
    assert floor.events() == ["LIMIT TRADE FILLED", "LIMIT TRIGGERED NEW"]
    assert floor.purse() == {"BTC": "0", "BTC locked": "1", "USDT": "905", "USDT locked": "0"}
    floor.send(BUY, Kind.LIMIT, "1", "120", account="bob")
    assert floor.events()[-1] == "list DONE"


def test_working_order_filled_at_once_is_seen_before_its_pending_order_is_placed() -> None:
    """Binance's answer shows FILLED and PENDING_NEW side by side; a client that reads more would rely on it."""
    floor = Floor()
    floor.send(SELL, Kind.LIMIT, "1", "95", account="bob")
    floor.now_ns += 1
    request = ListRequest("ann", "BTCUSDT", "l", floor.entry(), (floor.request(SELL, Kind.MARKET, "1"),))
    floor.send(BUY, Kind.LIMIT, "1", "94", account="bob")
    seen = floor.matching.lists.place(request, floor.now_ns, lambda one: [order.status for order in one.orders])
    assert seen == [Status.FILLED, Status.PENDING_NEW]
    assert [order.status for order in floor.matching.lists.of("ann")[0].orders] == [Status.FILLED] * 2
    assert floor.purse() == {"BTC": "10", "BTC locked": "0", "USDT": "999", "USDT locked": "0"}


def test_pending_pair_is_an_oco_once_it_is_placed() -> None:
    """An OTOCO is a purchase with its way out for gain and for loss."""
    floor = Floor(btc="0")
    one = floor.accepted(
        floor.request(SELL, Kind.STOP_LOSS_LIMIT, "1", "84", "85"), floor.request(SELL, Kind.LIMIT_MAKER, "1", "110"),
        working=floor.entry(),
    )  # fmt: skip
    floor.send(SELL, Kind.LIMIT, "1", "95", account="bob")
    stop, limit = one.legs
    assert (stop.works, limit.works, floor.purse()["BTC locked"]) == (False, True, "1")
    floor.send(BUY, Kind.LIMIT, "1", "110", account="bob")
    assert (stop.status, limit.status, one.done) == (Status.EXPIRED, Status.FILLED, True)


@pytest.mark.parametrize(
    ("pending", "btc"),
    [
        (lambda floor: floor.request(SELL, Kind.LIMIT, "5", "120"), "0"),  # more than was bought
        (lambda floor: floor.request(SELL, Kind.LIMIT_MAKER, "1", "94"), "9"),  # meets the bid
        (lambda floor: floor.request(SELL, Kind.STOP_LOSS, "1", stop="96"), "9"),  # reached already
        (lambda floor: floor.request(SELL, Kind.LIMIT, "1", "480"), "9"),  # too far from the last price by then
    ],
)
def test_pending_order_that_cannot_be_placed_expires_as_rejected(
    pending: Callable[[Floor], OrderRequest], btc: str
) -> None:
    """A list whose second half cannot be placed must end, with nothing locked."""
    floor = Floor(btc=btc)
    one = floor.accepted(pending(floor), working=floor.entry())
    floor.send(BUY, Kind.LIMIT, "1", "94", account="bob")
    floor.send(SELL, Kind.LIMIT, "1", "95", account="cat")
    assert (one.legs[0].status, one.legs[0].expiry, one.done) == (Status.EXPIRED, Expiry.REJECTED, True)
    assert floor.purse()["BTC locked"] == "0"


@pytest.mark.parametrize("index", [0, 1, 2])
def test_to_cancel_one_order_is_to_cancel_its_list(index: int) -> None:
    """Half a list that lives on is an order without its other half."""
    floor = Floor()
    one = floor.accepted(
        floor.request(SELL, Kind.STOP_LOSS, "1", stop="85"), floor.request(SELL, Kind.LIMIT_MAKER, "1", "110"),
        working=floor.entry(),
    )  # fmt: skip
    floor.events()
    floor.matching.cancel(one.orders[index], "gone", 77)
    floor.matching.check()
    assert [order.status for order in one.orders] == [Status.CANCELED] * 3
    assert floor.events()[-1] == "list DONE"
    assert floor.purse() == {"BTC": "10", "BTC locked": "0", "USDT": "1000", "USDT locked": "0"}


def test_working_order_that_expires_ends_its_pending_orders_too() -> None:
    """An IOC order that finds nothing will never be filled."""
    floor = Floor()
    one = floor.accepted(floor.request(SELL, Kind.LIMIT, "1", "110"), working=floor.entry(until=T.IOC))
    assert [order.status for order in one.orders] == [Status.EXPIRED] * 2
    assert [order.expiry for order in one.orders] == [Expiry.IOC, Expiry.OTO_PHASE_ONE_EXPIRED]
    assert one.done


def test_prevented_match_ends_the_list_of_the_order_that_gives_way() -> None:
    """Self-trade prevention is an end like any other."""
    floor = Floor()
    pair = floor.sale()
    floor.send(BUY, Kind.LIMIT, "1", "110", prevention="EXPIRE_MAKER")
    assert [leg.status for leg in pair.legs] == [Status.EXPIRED, Status.EXPIRED_IN_MATCH]
    assert (pair.done, floor.purse()["BTC locked"]) == (True, "0")
    floor = Floor()
    one = floor.accepted(floor.request(BUY, Kind.LIMIT, "1", "50"), working=floor.request(SELL, Kind.LIMIT, "1", "120"))
    floor.send(BUY, Kind.LIMIT, "1", "120", prevention="EXPIRE_MAKER")
    assert one.done
    assert one.legs[0].expiry == Expiry.OTO_PHASE_ONE_EXPIRED


def test_reduced_pair_keeps_one_size_and_its_new_name_is_reported() -> None:
    """Only one of the two may trade, so an OCO has one quantity."""
    floor = Floor()
    pair = floor.sale("2")
    floor.events()
    assert floor.matching.amend(pair.legs[1], fixed("0.5"), "less", 50) is None
    floor.matching.check()
    assert [leg.size for leg in pair.legs] == [fixed("0.5")] * 2
    assert floor.purse()["BTC locked"] == "0.5"
    assert floor.events()[-1] == "list RENAMED"
    assert floor.matching.amend(pair.legs[0], fixed("0.4"), pair.legs[0].client_id, 51) is None
    assert "list RENAMED" not in floor.events()


@pytest.mark.parametrize(
    ("legs", "why"),
    [
        ((("STOP_LOSS", "0", "101"), ("LIMIT_MAKER", "110", "0")), Refused.BAD_PRICES),
        ((("STOP_LOSS", "0", "100"), ("LIMIT_MAKER", "110", "0")), Refused.BAD_PRICES),
        ((("STOP_LOSS", "0", "90"), ("LIMIT_MAKER", "99", "0")), Refused.BAD_PRICES),
        ((("STOP_LOSS", "0", "90"), ("TAKE_PROFIT", "0", "99")), Refused.BAD_PRICES),
        ((("STOP_LOSS", "0", "90"), ("TAKE_PROFIT_LIMIT", "110", "99")), Refused.WOULD_TRIGGER),
        ((("STOP_LOSS", "0", "90"), ("LIMIT_MAKER", "104", "0")), Refused.WOULD_TAKE),
        ((("STOP_LOSS", "0", "90", "11"), ("LIMIT_MAKER", "110", "0", "11")), Refused.BALANCE),
        ((("STOP_LOSS", "0", "90.001"), ("LIMIT_MAKER", "110", "0")), Refused.FILTER),
    ],
)
def test_pair_that_cannot_be_placed_leaves_nothing_but_the_event(
    legs: tuple[tuple[str, ...], ...], why: Refused
) -> None:
    """A list is accepted whole or not at all; the event of a refusal has no list's id."""
    floor = Floor()
    floor.send(BUY, Kind.LIMIT, "1", "105", account="bob")
    before = len(floor.matching.orders)
    floor.events()
    found = floor.offer(*(floor.request(SELL, Kind(k[0]), k[3] if len(k) > 3 else "1", k[1], k[2]) for k in legs))
    assert isinstance(found, Rejection)
    assert found.why == why
    assert floor.events() == ([] if why == Refused.FILTER else ["list REFUSED"])
    assert len(floor.matching.orders) == before
    assert not floor.matching.lists.of("ann")
    assert floor.purse()["BTC locked"] == "0"


def test_limits_count_the_orders_of_a_list_and_the_lists() -> None:
    """A limit that a list can avoid has no effect."""
    floor = Floor(market=Market("BTCUSDT", "BTC", "USDT", notional_min=fixed("1"), open_orders_max=3))
    floor.sale()
    found = floor.offer(
        floor.request(SELL, Kind.STOP_LOSS, "1", stop="90"), floor.request(SELL, Kind.LIMIT_MAKER, "1", "110")
    )
    assert found == Rejection(Refused.FILTER, "MAX_NUM_ORDERS")
    floor = Floor(market=Market("BTCUSDT", "BTC", "USDT", notional_min=fixed("1"), contingent_orders_max=1))
    pair = floor.sale()
    refused = floor.matching.refusal(floor.request(SELL, Kind.STOP_LOSS, "1", stop="90"))
    assert refused == Rejection(Refused.FILTER, "MAX_NUM_ALGO_ORDERS")
    floor.matching.cancel(pair.legs[0], "", 9)
    assert floor.matching.refusal(floor.request(SELL, Kind.STOP_LOSS, "1", stop="90")) is None
    floor = Floor(market=Market("BTCUSDT", "BTC", "USDT", notional_min=fixed("1"), order_lists_max=1))
    floor.accepted(floor.request(SELL, Kind.LIMIT, "1", "120"), working=floor.entry())
    found = floor.offer(floor.request(SELL, Kind.LIMIT, "1", "120"), working=floor.entry())
    assert found == Rejection(Refused.FILTER, "MAX_NUM_ORDER_LISTS")


def test_names_of_a_list_and_its_orders_are_free_again_once_they_are_done() -> None:
    """A repeated request must not place a second list while the first one lives."""
    floor = Floor()
    legs = (
        floor.request(SELL, Kind.STOP_LOSS, "1", stop="90", name="a"),
        floor.request(SELL, Kind.LIMIT_MAKER, "1", "110", name="b"),
    )
    pair = floor.offer(*legs, name="mine")
    assert isinstance(pair, OrderList)
    others = (
        floor.request(SELL, Kind.STOP_LOSS, "1", stop="90"), floor.request(SELL, Kind.LIMIT_MAKER, "1", "110"),
    )  # fmt: skip
    duplicate = Rejection(Refused.DUPLICATE)
    assert (
        floor.offer(*others, name="mine")
        == floor.offer(legs[0], others[1])
        == floor.offer(others[0], legs[1])
        == duplicate
    )
    twice = floor.request(SELL, Kind.LIMIT_MAKER, "1", "110", name=others[0].client_id)
    assert floor.offer(others[0], twice) == duplicate
    floor.matching.cancel(pair.legs[0], "", 9)
    assert isinstance(floor.offer(*legs, name="mine"), OrderList)


@pytest.mark.parametrize(
    ("kind", "side", "stop", "reached", "short"),
    [
        (Kind.STOP_LOSS, SELL, "90", "90", "90.01"),
        (Kind.STOP_LOSS, BUY, "110", "110", "109.99"),
        (Kind.TAKE_PROFIT, SELL, "110", "110", "109.99"),
        (Kind.TAKE_PROFIT, BUY, "90", "90", "90.01"),
    ],
)
def test_stop_is_reached_by_the_last_price_alone(kind: Kind, side: int, stop: str, reached: str, short: str) -> None:
    """A quote without a trade must not set off a stop."""
    floor = Floor()
    order = floor.send(side, kind, "1", stop=stop)
    floor.send(-side, Kind.LIMIT, "2", "100", account="bob")
    floor.send(-side, Kind.LIMIT, "0.1", short if side == BUY else "100", account="cat")
    floor.matching.cancel(next(iter(floor.matching.open["bob", "BTCUSDT"].values())), "", 5)
    for waiting in list(floor.matching.open["cat", "BTCUSDT"].values()):
        floor.matching.cancel(waiting, "", 5)
    floor.trade(short)
    assert not order.works
    assert order.status == Status.NEW
    floor.trade(reached)
    assert order.works
    assert (order.status, order.expiry) == (Status.EXPIRED, Expiry.NO_LIQUIDITY)
    assert floor.purse() == {"BTC": "10", "BTC locked": "0", "USDT": "1000", "USDT locked": "0"}


@pytest.mark.parametrize(
    ("kind", "side", "stop", "delta", "prices"),
    [  # the scenarios of Binance's page about trailing stops, a thousandth of their prices
        (Kind.STOP_LOSS_LIMIT, BUY, "44", 500, ["37", "44", "45", "46", "42", "44.09", "44.10"]),
        (Kind.STOP_LOSS_LIMIT, SELL, "39", 1000, ["41.5", "39", "37", "41", "36.91", "36.90"]),
        (Kind.TAKE_PROFIT_LIMIT, BUY, "38", 850, ["42", "38", "37", "39", "38", "40.14", "40.15"]),
        (Kind.TAKE_PROFIT_LIMIT, SELL, "42", 750, ["41.5", "39", "42", "45", "44", "46.5", "43.02", "43.01"]),
        (Kind.STOP_LOSS_LIMIT, SELL, "0", 700, ["42", "39.5", "45.5", "42.32", "42.31"]),
    ],
)
def test_trailing_stop_turns_with_the_price(kind: Kind, side: int, stop: str, delta: int, prices: list[str]) -> None:
    """It works at the last of these prices and at none before."""
    floor = Floor()
    floor.trade("40")
    limit = "60" if side == SELL else "30"
    order = floor.send(side, kind, "1", limit, stop, trailing=delta)
    for price in prices:
        assert not order.works, price
        floor.trade(price)
    assert order.works
    assert order.status == Status.NEW


@pytest.mark.parametrize("delta", [9, 2001])
def test_trailing_delta_out_of_range_fails_its_filter(delta: int) -> None:
    """The filter is in exchangeInfo, so a client relies on it."""
    floor = Floor()
    request = floor.request(SELL, Kind.STOP_LOSS, "1", trailing=delta)
    assert floor.matching.refusal(request) == Rejection(Refused.FILTER, "TRAILING_DELTA")


def test_market_stop_that_the_account_cannot_pay_any_more_expires() -> None:
    """Locked at its stop price, it meets a book that is dearer."""
    floor = Floor(usdt="110")
    order = floor.send(BUY, Kind.STOP_LOSS, "1", stop="110")
    assert floor.purse()["USDT locked"] == "110"
    floor.send(SELL, Kind.LIMIT, "1", "130", account="bob")
    floor.trade("110")
    assert (order.status, order.expiry) == (Status.EXPIRED, Expiry.REJECTED)
    assert floor.purse() == {"BTC": "10", "BTC locked": "0", "USDT": "110", "USDT locked": "0"}


def test_stop_reached_by_the_trade_of_another_stop_follows_it() -> None:
    """A cascade is what stops make in a thin book; each is placed after the one before has traded."""
    floor = Floor()
    floor.send(BUY, Kind.LIMIT, "1", "85", account="bob")
    floor.send(BUY, Kind.LIMIT, "1", "80", account="bob")
    second = floor.send(SELL, Kind.STOP_LOSS, "1", stop="85")
    first = floor.send(SELL, Kind.STOP_LOSS, "1", stop="90")
    floor.trade("90")
    assert [(one.status, one.fills[0].price) for one in (first, second)] == [
        (Status.FILLED, fixed("85")),
        (Status.FILLED, fixed("80")),
    ]
    assert first.working_ns == second.working_ns


def test_refused_list_is_reported_with_its_reason_and_its_names() -> None:
    """A client that waits for its list's news must not wait for ever."""
    floor = Floor()
    floor.offer(
        floor.request(SELL, Kind.STOP_LOSS, "1", stop="101", name="a"),
        floor.request(SELL, Kind.LIMIT_MAKER, "1", "110", name="b"),
        name="mine",
    )
    event = floor.matching.executions[-1]
    assert isinstance(event, ListEvent)
    assert (event.move, event.id, event.client_id, event.why) == (ListMove.REFUSED, -1, "mine", Refused.BAD_PRICES)
    assert event.orders == ((-1, "a"), (-1, "b"))


def test_trigger_is_reported_as_an_order_that_works_now() -> None:
    """A client learns from this report that its stop is in the book."""
    floor = Floor()
    order = floor.send(SELL, Kind.STOP_LOSS_LIMIT, "1", "95", "90")
    floor.trade("90")
    reported = [e for e in floor.matching.executions if isinstance(e, Execution) and e.order is order]
    assert [(e.happening, e.working_ns >= 0) for e in reported] == [(Happening.NEW, False), (Happening.TRIGGERED, True)]


def test_a_done_list_is_forgotten_with_its_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that runs for weeks would fill the memory with lists."""
    monkeypatch.setattr(matching_module, "DONE_KEPT", 2)
    floor = Floor()
    floor.matching.ledger.accounts["ann"].watched = True
    lists = [floor.sale() for _ in range(3)]
    for one in lists[:2]:
        floor.matching.cancel(one.orders[0], "", floor.now_ns)
    known = floor.matching.lists
    assert [known.find("ann", one.id, "") for one in lists] == [None, *lists[1:]]
    assert [known.find("ann", None, one.client_id) for one in lists] == [None, *lists[1:]]
