"""A house at a venue with a market: crossing orders trade at once, resting ones when the market sweeps them."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.model import algorithms
from engine.model.fixed import to_fixed, to_text
from engine.model.instrument import PAIRS, Instrument
from engine.model.words import BUY, NATIVE_TYPES, ParentStatus, TickKind
from tests.engine.execution.memory import BTC, MS, House
from tests.engine.execution.venue_double import FakePort, FakeVenue, RefusedError, VenueOrder

BID, ASK = 6_000_000, 6_000_100
READY_MOST = 20_000  # steps: a request that was not sent is given up when it has expired
END_MOST = 6_000


class DeathError(Exception):
    """Death, in the middle of a step."""


class MarketVenue(FakeVenue):
    """Takers find `depth` at the best prices; `cross` fills what rests at or beyond a price."""

    def __init__(self) -> None:
        """A market."""
        super().__init__(("BTCUSDT", "ETHUSDT"))
        self.bid, self.ask, self.depth = BID, ASK, 10**9
        self.trading = True
        self.waiting: dict[str, dict[str, Any]] = {}  # native orders, by our id: their parameters
        self.pairs: dict[str, str] = {}  # of both orders of a pair: the other one

    def do_order_place(self, port: FakePort, params: dict[str, Any]) -> Any:
        """A new order, which takes what its price reaches, or waits for its stop price."""
        if "stopPrice" in params or "trailingDelta" in params:
            return self.place_native(port, params)
        self.liquidity = {params["symbol"]: self.depth} if self.crosses(params) and self.trading else {}
        return super().do_order_place(port, params)

    def place_native(self, port: FakePort, params: dict[str, Any]) -> Any:
        """An order that waits, unless the market has reached its stop price."""
        if "stopPrice" in params and self.reaches(params):
            raise RefusedError(-2010, "Stop price would trigger immediately.")
        self.waiting[params["newClientOrderId"]] = params | {"peak": self.touch(params)}
        return super().do_order_place(port, {"price": "0.00", **params})

    def works(self, order: VenueOrder) -> bool:
        """Whether it is in the book: one that waits for its trigger is not."""
        return super().works(order) and order.client_id not in self.waiting

    def do_orderList_place_oco(self, port: FakePort, params: dict[str, Any]) -> Any:  # noqa: N802
        """A stop and a limit order, one on each side of the market."""
        limit, stop = ("below", "above") if params["side"] == "BUY" else ("above", "below")
        assert params[limit + "Type"] == "LIMIT_MAKER"
        shared = {key: params[key] for key in ("symbol", "side", "quantity")}
        first = shared | {
            "type": params[stop + "Type"], "newClientOrderId": params[stop + "ClientOrderId"],
            "stopPrice": params[stop + "StopPrice"], "price": params.get(stop + "Price", "0.00"),
        }  # fmt: skip
        second = shared | {
            "type": "LIMIT_MAKER", "price": params[limit + "Price"],
            "newClientOrderId": params[limit + "ClientOrderId"],
        }  # fmt: skip
        names = first["newClientOrderId"], second["newClientOrderId"]
        if self.reaches(first) or self.crosses(second):
            raise RefusedError(-2010, "The relationship of the prices for the orders is not correct.")
        if any(name in self.orders for name in names):
            self.violations.append(f"id sent twice: {names}")
            raise RefusedError(-2010, "Duplicate order sent.")
        self.pairs |= {names[0]: names[1], names[1]: names[0]}
        return {"orderListId": 1, "orderReports": [self.do_order_place(port, one) for one in (first, second)]}

    def crosses(self, params: dict[str, Any]) -> bool:
        """Whether a limit order would trade at once."""
        price = to_fixed(params["price"], 2)
        return price >= self.ask if params["side"] == "BUY" else price <= self.bid

    def fill(self, client_id: str, size: int, price: str = "", maker: bool = True) -> dict[str, Any]:
        """Fill an order by so much; the other one of its pair expires."""
        self.expire_other(client_id)
        return super().fill(client_id, size, price, maker)

    def expire_other(self, client_id: str) -> None:
        """End the other order of a pair."""
        other = self.orders.get(self.pairs.get(client_id, ""))
        if other is not None and other.open:
            other.status = "EXPIRED"
            self.tell(other, "EXPIRED")

    def do_order_cancel(self, port: FakePort, params: dict[str, Any]) -> Any:
        """Cancel by our id; of a pair both."""
        names = [params["origClientOrderId"], self.pairs.get(params["origClientOrderId"], "")]
        both = [name for name in names if name in self.orders and self.orders[name].open]
        cancel = super().do_order_cancel
        shown = [cancel(port, {"origClientOrderId": name}) for name in both or names[:1]]
        return {"orderListId": 1, "orderReports": shown} if names[1] else shown[0]

    def touch(self, params: dict[str, Any]) -> int:
        """Where an order of this side would trade."""
        return self.ask if params["side"] == "BUY" else self.bid

    def reaches(self, params: dict[str, Any]) -> bool:
        """Whether the market has reached what an order waits for."""
        side, at = 1 if params["side"] == "BUY" else -1, self.touch(params)
        if "trailingDelta" in params:
            params["peak"] = min(params["peak"], at) if side == 1 else max(params["peak"], at)
            return bool(side * (at * 10_000 - params["peak"] * (10_000 + side * params["trailingDelta"])) >= 0)
        towards = 1 if params["type"].startswith("STOP_LOSS") else -1
        return (at - to_fixed(params["stopPrice"], 2)) * side * towards >= 0

    def trigger(self) -> None:
        """Let what the market has reached trade; without a limit it takes what is there, and the rest expires."""
        for client_id, params in list(self.waiting.items()):
            order = self.orders[client_id]
            if not order.open:
                del self.waiting[client_id]
            elif self.reaches(params):
                del self.waiting[client_id]
                self.expire_other(client_id)
                at, bound = self.touch(params), to_fixed(order.price, 2)
                taken = 0 if bound and (at - bound) * (1 if order.side == "BUY" else -1) > 0 else self.depth
                if taken:
                    self.fill(client_id, min(taken, order.size), to_text(at, 2), maker=False)
                else:
                    self.tell(order, "NEW")
                if order.open and not bound:
                    order.status = "EXPIRED"
                    self.tell(order, "EXPIRED")

    def sweep(self, bid: int, ask: int, most: int = 10**9) -> None:
        """Move the market, and fill what rests at its prices."""
        self.bid, self.ask = bid, ask
        self.trigger()
        for one in list(self.orders.values()):
            price = to_fixed(one.price, 2)
            if one.open and one.client_id not in self.waiting and (price >= ask if one.side == "BUY" else price <= bid):
                self.fill(one.client_id, min(most, one.size - one.executed))

    @property
    def resting(self) -> list[VenueOrder]:
        """The open orders."""
        return [one for one in self.orders.values() if one.open]


def native(one: Instrument = BTC) -> Instrument:
    """An instrument whose venue has every native order, and pairs."""
    natives = PAIRS | sum(1 << kind for kind in NATIVE_TYPES)
    return replace(one, natives=natives, algo_orders_max=5, trailing_min=1, trailing_max=2_000)


class MarketHouse(House):
    """A house whose feed shows the venue's market."""

    def __init__(self, directory: Path, **more: Any) -> None:
        """A system that may trade."""
        super().__init__(directory, venue=MarketVenue(), **more)
        self.shown = (0, 0, 0)
        self.printed = 0  # of the venue's fills
        self.ready()

    def ready(self) -> None:
        """Until trading may begin, by the market's book."""
        for _ in range(READY_MOST):
            self.turn()
            if self.role.recovery.complete and self.role.session.up:
                return
        raise AssertionError("not ready")

    def turn(self, count: int = 1, each_ns: int = MS, imbalance: float = 0.0) -> None:
        """Let time pass; a book when the market moved, and every 100 ms."""
        for _ in range(count):
            now = (self.venue.bid, self.venue.ask, self.now_ns // (100 * MS), imbalance)
            if now != self.shown:
                self.shown = now
                self.book(self.venue.bid, self.venue.ask, imbalance=imbalance)
            self.print_fills()
            self.run(1, each_ns)

    def print_fills(self) -> None:
        """Our own fills are prints as all others."""
        for fill in self.venue.fills[self.printed :]:
            self.trade(to_fixed(fill["qty"], 5))
        self.printed = len(self.venue.fills)

    def trade(self, size: int, instrument: int = 1, kind: TickKind = TickKind.PRINT, price: int = 0) -> None:
        """A print, published by the feed; at the ask without a price."""
        self.ring("ticks").publish(
            self.now_ns, self.now_ns, 0, 0, price or self.venue.ask, size, 0, instrument, kind, BUY, 0,
        )  # fmt: skip

    def parent(self, name: str, size: int = 1000, price: int = 0, side: int = BUY, **terms: int) -> int:
        """An intent for an algorithm; its id."""
        more = {key: terms.pop(key) for key in ("timeout_ns", "time_in_force", "flags", "strategy") if key in terms}
        number, parameters = algorithms.encode(name, terms)
        return self.intent(side=side, size=size, price=price, algorithm=number, parameters=parameters, **more)

    def filled(self, intent_id: int) -> int:
        """What the venue filled for an intent."""
        return sum(one.executed for one in self.venue.orders.values() if self.intent_of(one) == intent_id)

    def children(self, intent_id: int) -> list[VenueOrder]:
        """The venue's orders of an intent, oldest first."""
        return [one for one in self.venue.orders.values() if self.intent_of(one) == intent_id]

    def intent_of(self, order: VenueOrder) -> int:
        """The intent of a venue's order; 0: not ours."""
        return int(order.client_id[12:28], 16) if order.ours(self.mark) else 0

    def status(self, intent_id: int) -> ParentStatus | None:
        """How far a parent is by its last record."""
        rows = [row for row in self.rings["parents"].rows if row.intent_id == intent_id]
        return ParentStatus(rows[-1].status) if rows else None

    def check_ended(self, intent_id: int) -> None:
        """Nothing of a parent is left: no order at the venue, no parent here, and our fills are the venue's."""
        self.settle(1)
        assert self.status(intent_id) == ParentStatus.DONE
        assert self.role.blotter.parents == {}
        assert self.venue.resting == []
        assert not self.venue.violations
        self.check_truth()


def die_after(house: House, commits: int) -> None:
    """SIGKILL after this commit of the journal: nothing of the step follows."""
    publish, left = house.rings["journal"].publish_bytes, [commits]

    def cut(data: bytes) -> bool:
        if not left[0]:
            raise DeathError
        left[0] -= 1
        return publish(data)

    house.role.journal.ring.publish_bytes = cut  # type: ignore[method-assign]


def run_through(house: MarketHouse, intent_id: int, draw: random.Random | None = None, each_ns: int = 5 * MS) -> None:
    """Run a parent to its end through deaths, with a market that `draw` moves."""
    for number in range(END_MOST):
        if draw is not None:
            move(house, draw)
        elif not number % 20:
            meet(house, 90)
        house.trade(50)
        try:
            house.turn(1, each_ns)
        except DeathError:
            del house.rings["journal"].publish_bytes
            house.restart()
            house.ready()
        if house.status(intent_id) == ParentStatus.DONE:
            return
    raise AssertionError(f"intent {intent_id:#x} has not ended: {house.role.blotter.parents}")


def move(house: MarketHouse, draw: random.Random) -> None:
    """One drawn event of the market."""
    venue, act = house.venue, draw.random()
    venue.depth = draw.choice((10**9, 150, 7))
    if act < 0.1:
        step = draw.randrange(-60, 61)
        venue.sweep(venue.bid + step, venue.ask + step)
    elif act < 0.2:
        venue.sweep(venue.bid, venue.ask, draw.randrange(1, 200))
    elif act < 0.25:
        meet(house, draw.randrange(1, 200))


def meet(house: MarketHouse, most: int) -> None:
    """Others take what we rest, up to a size."""
    for one in house.venue.resting:
        if one.client_id not in house.venue.waiting:
            house.venue.fill(one.client_id, most)
