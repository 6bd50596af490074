"""Any interleaving of placements, fills, triggers, reductions and cancels, held against a watcher that reads news only.

The watcher knows the requests and the account's events, and nothing of the matching engine. From that it
computes which orders may be alive, what must be locked for them, and that no coin was created or lost.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from engine.loopback.ledger import Ledger
from engine.loopback.market import SCALE, Burn, Market, fixed
from engine.loopback.matching import Matching
from engine.loopback.order_lists import ListEvent, ListMove, ListRequest, OrderLists
from engine.loopback.orders import Execution, Kind, Order, OrderRequest, Prevention, Until
from engine.model.words import BUY, SELL

MARKET = Market(
    "BTCUSDT", "BTC", "USDT", notional_min=fixed("1"), contingent_orders_max=60, trailing_min=1, order_lists_max=30
)
NAMES = ("ann", "bob", "cat")
STEP, SIZE = fixed("1"), fixed("0.1")
LOSS = (Kind.STOP_LOSS, Kind.STOP_LOSS_LIMIT)
GAIN = (Kind.LIMIT_MAKER, Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_LIMIT)
STOPS = frozenset({*LOSS, *GAIN}) - {Kind.LIMIT_MAKER}
ENDS = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"})
EVENTS, SEEDS = 160, 40


@dataclass
class Seen:
    """An order as its owner's events show it."""

    account: str
    request: OrderRequest
    last: int  # the last price when its price was fixed
    prints: int  # how many trades there were before it waited
    status: str = "PENDING_NEW"
    works: bool = False
    traded: bool = False
    left: int = 0

    @property
    def open(self) -> bool:
        """Whether its owner must think that it lives."""
        return self.status not in ENDS

    @property
    def need(self) -> int:
        """The price at which it is paid for; 0: it is not, until it trades."""
        request = self.request
        if request.kind in (Kind.STOP_LOSS, Kind.TAKE_PROFIT) and self.works:
            return 0
        return request.price or request.stop or (self.last if request.trailing else 0)


@dataclass
class SeenList:
    """A list as its owner's events show it."""

    working: int | None
    legs: list[int]
    done: int = 0


@dataclass
class Watcher:
    """What all owners know."""

    orders: dict[int, Seen] = field(default_factory=dict)
    lists: dict[int, SeenList] = field(default_factory=dict)
    asked: dict[str, OrderRequest] = field(default_factory=dict)  # by client id, which are never used twice here
    prints: list[int] = field(default_factory=list)

    def read(self, matching: Matching) -> None:
        """Apply one event; every trade is among them, sent to both sides, the taker last."""
        news, matching.executions = matching.executions, []
        for one in news:
            if isinstance(one, ListEvent):
                self._read_list(one)
            else:
                self._read_order(one)
        assert self.prints[-len(matching.prints) :] == [one.price for one in matching.prints] or not matching.prints
        matching.prints.clear()

    def _read_list(self, one: ListEvent) -> None:
        """A list was placed or is done."""
        if one.move == ListMove.PLACED:
            ids = [order_id for order_id, _ in one.orders]
            self.lists[one.id] = SeenList(ids[0] if one.triggers else None, ids[1:] if one.triggers else ids)
        elif one.move == ListMove.DONE:
            self.lists[one.id].done += 1
            assert not any(self.orders[order_id].open for order_id, _ in one.orders), "done, and an order lives"

    def _read_order(self, one: Execution) -> None:
        """An order moved."""
        seen = self.orders.get(one.order.id)
        if seen is None:
            request = self.asked[one.order.client_id]
            last = self.prints[-1] if self.prints else MARKET.price_min
            seen = self.orders[one.order.id] = Seen(request.account, request, last, len(self.prints), left=request.size)
        if one.happening == "TRIGGERED" and one.working_ns < 0:
            seen.last, seen.prints = self.prints[-1], len(self.prints)
        assert seen.open, f"news of an order that had ended: {one}"
        seen.status, seen.works = str(one.status), one.working_ns >= 0
        seen.left = one.order.remaining
        if one.fill is not None:
            assert seen.works, f"an order traded that waits: {one}"
            seen.traded = True
            if not one.fill.maker:
                self.prints.append(one.fill.price)

    def check(self, matching: Matching) -> None:
        """Hold the lists' rules, the locks and the money."""
        for one in self.lists.values():
            self._check_list(one)
        self._check_stops()
        self._check_money(matching)

    def _check_list(self, one: SeenList) -> None:
        """No list is half alive."""
        legs = [self.orders[leg] for leg in one.legs]
        working = self.orders[one.working] if one.working is not None else None
        members = [*legs, *([working] if working else [])]
        assert one.done == (not any(member.open for member in members)), (one, members)
        if working is not None and working.open:
            assert all(leg.status == "PENDING_NEW" for leg in legs), (working, legs)
            return
        assert not any(leg.status == "PENDING_NEW" for leg in legs), (working, legs)
        if working is not None and working.status != "FILLED":
            assert not any(leg.open or leg.traded for leg in legs), (working, legs)
        assert sum(leg.traded for leg in legs) <= 1, legs
        if len(legs) > 1 and any(not leg.open or leg.traded or (leg.works and _waits(leg)) for leg in legs):
            assert sum(leg.open for leg in legs) <= 1, legs

    def _check_stops(self) -> None:
        """A stop waits exactly until a trade reaches its price."""
        for one in self.orders.values():
            if one.open and one.status != "PENDING_NEW" and _waits(one) and not one.request.trailing and not one.works:
                rises = (one.request.kind in LOSS) == (one.request.side == BUY)
                passed = [
                    p for p in self.prints[one.prints :] if (p >= one.request.stop) == rises or p == one.request.stop
                ]
                assert not passed, (one, passed)

    def _check_money(self, matching: Matching) -> None:
        """What is locked is what lives needs, and every asset is as much as was brought in."""
        needed: dict[tuple[str, str], int] = defaultdict(int)
        paired: set[int] = set()
        for one in self.lists.values():
            alive = [leg for leg in one.legs if self.orders[leg].open]
            if len(alive) > 1 and self.orders[alive[0]].status != "PENDING_NEW":
                paired |= set(alive)
                dearest = max((self.orders[leg] for leg in alive), key=lambda leg: leg.need)
                _add(needed, dearest)
        for order_id, seen in self.orders.items():
            if seen.open and seen.status != "PENDING_NEW" and order_id not in paired:
                _add(needed, seen)
        for asset in ("BTC", "USDT"):
            accounts = matching.ledger.accounts.values()
            for account in accounts:
                assert account.locked[asset] == needed[account.name, asset], (account.name, asset)
                assert account.free[asset] >= 0, (account.name, asset)
            total = sum(account.free[asset] + account.locked[asset] for account in accounts)
            assert total + matching.ledger.fees[asset] == sum(account.deposited[asset] for account in accounts)


def _waits(one: Seen) -> bool:
    """Whether it is of a kind that waits for a price."""
    return one.request.kind in STOPS


def _add(needed: dict[tuple[str, str], int], one: Seen) -> None:
    """What one order needs."""
    if one.need:
        buys = one.request.side == BUY
        needed[one.account, "USDT" if buys else "BTC"] += one.need * one.left // SCALE if buys else one.left


class Run:
    """A market under random hands."""

    def __init__(self, seed: int) -> None:
        """Three accounts of small purses, so that money is short now and then."""
        self.random = random.Random(seed)
        ledger = Ledger()
        for name in NAMES:
            ledger.open(name)
            ledger.deposit(name, "BTC", fixed("12"))
            ledger.deposit(name, "USDT", fixed("1500"))
        ledger.accounts["cat"].burn = Burn("USDT")
        self.matching, self.watcher = Matching([MARKET], ledger), Watcher()
        self.number = 0

    def request(self, account: str, side: int, kind: Kind, size: int, level: int) -> OrderRequest:
        """An order of a kind, its price or its stop price at a level."""
        self.number += 1
        draw = self.random
        trailing = draw.choice((0, 0, 0, 300, 700)) if kind in STOPS else 0
        stop = level if kind in STOPS and (not trailing or draw.random() < 0.5) else 0
        priced = kind not in (Kind.MARKET, Kind.STOP_LOSS, Kind.TAKE_PROFIT)
        price = max(STEP, level + draw.choice((0, -2, 2)) * STEP) if kind in STOPS else level
        timed = kind in (Kind.LIMIT, Kind.STOP_LOSS_LIMIT, Kind.TAKE_PROFIT_LIMIT)
        request = OrderRequest(
            account, "BTCUSDT", f"n{self.number}", side, kind,
            draw.choice((Until.GTC, Until.GTC, Until.IOC, Until.FOK)) if timed else Until.GTC,
            price if priced else 0, size, 0, str(draw.choice(tuple(Prevention))), stop, trailing,
        )  # fmt: skip
        self.watcher.asked[request.client_id] = request
        return request

    def level(self, way: int = 0) -> int:
        """A price around the last one, on one side of it or on any."""
        last = self.matching.books["BTCUSDT"].last_price or 100 * STEP
        steps = self.random.randint(1, 8) * way if way else self.random.randint(-6, 6)
        return max(20 * STEP, last + steps * STEP)

    def size(self) -> int:
        """A small size."""
        return self.random.randint(1, 30) * SIZE

    def place(self) -> None:
        """One order."""
        draw = self.random
        kind = draw.choice((Kind.LIMIT, Kind.LIMIT, Kind.LIMIT, Kind.MARKET, Kind.LIMIT_MAKER, *STOPS_SORTED))
        request = self.request(draw.choice(NAMES), draw.choice((BUY, SELL)), kind, self.size(), self.level())
        self.matching.place(request, self.number)

    def pair(self, account: str, side: int, size: int) -> tuple[OrderRequest, OrderRequest]:
        """A stop loss and a gain, mostly on their own sides."""
        way = side if self.random.random() < 0.95 else -side
        return (
            self.request(account, side, self.random.choice(LOSS), size, self.level(way)),
            self.request(account, side, self.random.choice(GAIN), size, self.level(-way)),
        )

    def place_list(self) -> None:
        """A list of any kind."""
        draw = self.random
        account, side, size = draw.choice(NAMES), draw.choice((BUY, SELL)), self.size()
        shape = draw.randrange(3)
        working = None if not shape else self.request(account, side, Kind.LIMIT, self.size(), self.level())
        legs: tuple[OrderRequest, ...] = self.pair(account, side if working is None else -side, size)
        if shape == 1:
            legs = (
                self.request(account, -side, draw.choice((Kind.LIMIT, Kind.MARKET, *STOPS_SORTED)), size, self.level()),
            )
        self.number += 1
        self.matching.lists.place(ListRequest(account, "BTCUSDT", f"l{self.number}", working, legs), self.number, id)

    def alive(self) -> list[Order]:
        """All open orders."""
        return [order for orders in self.matching.open.values() for order in orders.values()]

    def cancel(self) -> None:
        """One order, with its list."""
        if self.alive():
            self.matching.cancel(self.random.choice(self.alive()), "gone", self.number)

    def amend(self) -> None:
        """Reduce one order, under its own id or another's."""
        order = self.random.choice(self.alive()) if self.alive() else None
        least = order.size - order.remaining + SIZE if order else 0
        if order is not None and least < order.size:
            name = self.random.choice((order.client_id, f"a{self.number}"))
            self.watcher.asked[name] = self.watcher.asked[order.client_id]
            self.matching.amend(order, self.random.randrange(least, order.size, SIZE), name, self.number)

    def step(self) -> None:
        """One event, and everything checked after it."""
        self.number += 1
        acts = (self.place,) * 8 + (self.place_list,) * 5 + (self.cancel, self.cancel, self.amend)
        self.random.choice(acts)()
        self.watcher.read(self.matching)
        self.watcher.check(self.matching)
        self.matching.check()


STOPS_SORTED = tuple(sorted(STOPS))


def run(seed: int, events: int = EVENTS) -> Run:
    """A whole run."""
    one = Run(seed)
    for _ in range(events):
        one.step()
    return one


def runs() -> list[Run]:
    """The run of each seed."""
    return [run(seed) for seed in range(SEEDS)]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_interleaving_leaves_a_list_half_alive_or_locks_the_wrong_amount(seed: int) -> None:
    """A leg that lives without its partner, or money that stays locked, is an account that cannot trade on."""
    run(seed)


def test_runs_reach_every_way_in_which_a_list_ends() -> None:
    """A property that its runs never touch is not tested by them."""
    ways: dict[str, int] = defaultdict(int)
    for ended in runs():
        for one in ended.matching.lists.lists.values():
            for order in one.orders:
                ways[f"{order.kind} {order.status} {order.expiry}".strip()] += 1
    for way in (
        "STOP_LOSS FILLED", "STOP_LOSS_LIMIT FILLED", "TAKE_PROFIT FILLED", "TAKE_PROFIT_LIMIT FILLED",
        "LIMIT_MAKER FILLED", "LIMIT FILLED", "LIMIT_MAKER EXPIRED OCO_TRIGGER", "STOP_LOSS EXPIRED OCO_TRIGGER",
        "STOP_LOSS EXPIRED OTO_PHASE_ONE_EXPIRED", "STOP_LOSS EXPIRED REJECTED", "LIMIT_MAKER EXPIRED_IN_MATCH",
        "STOP_LOSS CANCELED", "MARKET FILLED", "LIMIT EXPIRED UNFILLED_IOC_QUANTITY_EXPIRED",
    ):  # fmt: skip
        assert ways[way], (way, sorted(ways))


@pytest.mark.parametrize("rule", ["expire_partner", "_follow_working", "relock"])
def test_canary_a_rule_left_out_is_found(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """Without one of its rules the matching engine must not pass."""
    owner: type = Matching if rule == "relock" else OrderLists
    monkeypatch.setattr(owner, rule, lambda *_: None)
    monkeypatch.setattr(Matching, "check", lambda _: None)
    with pytest.raises(AssertionError):
        runs()
