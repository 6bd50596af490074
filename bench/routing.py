"""One order over three venues against the same order at the best single one: what routing saves, fees included.

A tape is one seed of three venues in one process under a simulated clock. Each has a matching engine of the loopback
venue with background orders of its own; the reference prices of two follow the first one's. They differ in the taker's
fee, in the sizes of their books and in their delay. The router is the product's own role, with its journal and lanes; a
desk in the place of each account's execution passes its children on, so no gate is in these figures.

    cost    of what was filled and its fees, against the middle of all three books at the decision
    saving  the cost at the best single venue (the least mean over the tapes) minus the router's, tape by tape

The same orders on the same tapes: the market does the same until the first order of a run.
"""

import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from engine.config.tables import Router as Table
from engine.lanes import EXECUTION, FEED, ROUTER, STRATEGY, Owners
from engine.lanes.memory import MemorySystem
from engine.loopback.flow import Flow, FlowSettings
from engine.loopback.ledger import Ledger
from engine.loopback.market import Market, fixed
from engine.loopback.matching import Matching
from engine.loopback.orders import Kind, Order, OrderRequest, Until
from engine.model import algorithms
from engine.model.codec import Codec
from engine.model.instrument import Instrument
from engine.model.records import BOOK_DEPTH, BOOK_TOP, INTENT, ORDER
from engine.model.rows import IntentRow
from engine.model.words import BUY, SELL, BookState, IntentKind, OrderState, OrderType, TimeInForce
from engine.router.journal import Journal
from engine.router.lanes import open_router_lanes
from engine.router.offers import Offers
from engine.router.options import RouterOptions, Tables
from engine.router.role import Router
from engine.router.terms import make_route, routes_by_instrument

MS = 1_000_000
START_NS = 1_700_000_000_000 * MS
SYMBOL, STRATEGY_NUMBER = "ETHUSDT", 1
WARM_MS, SECONDS, ROUND_TRIP_MS = 500, 5, 100
SIZES = {"small": "3", "large": "20"}
PRICE_SCALE, SIZE_SCALE = 10**6, 10**4  # of the matching's eight decimals to the instrument's 2 and 4
LIMIT_BPS = 100
FLOW = FlowSettings(
    price=fixed("3000"), interval_ns=2 * MS, spacing=100, taker_percent=3, wander_percent=30, wander=12, size=fixed("8")
)
INTENTS, ORDERS, BOOKS = Codec(INTENT), Codec(ORDER), Codec(BOOK_TOP)


class Venue(NamedTuple):
    """How a venue differs."""

    name: str
    fee_bps: float
    size: str  # the largest of a background order
    delay_ms: int  # one way


VENUES = (Venue("east", 3.0, "8", 1), Venue("west", 2.5, "4", 5), Venue("north", 2.0, "2", 20))


class Follower(Flow):
    """A flow whose reference price follows another one's, as arbitrage would move it."""

    leader: Flow | None = None

    def _wander(self, now_ns: int) -> None:
        """Move the reference and requote the nearest levels around it."""
        if self.leader is None:
            super()._wander(now_ns)
            return
        rises, self.reference = self.leader.reference > self.reference, self.leader.reference
        for side in (SELL, BUY) if rises else (BUY, SELL):
            self._quote(side, 0, now_ns)


class Exchange:
    """One venue, and the desk between it and the router."""

    def __init__(self, seed: int, place: int, venue: Venue, system: MemorySystem, leader: Flow | None) -> None:
        """Open the venue, with the background's first ladder."""
        self.venue, self.place = venue, place
        self.delay_ns = venue.delay_ms * MS
        ledger = Ledger()
        market = Market(SYMBOL, "ETH", "USDT", size_step=fixed("0.0001"), size_min=fixed("0.0001"))
        self.matching = Matching((market,), ledger)
        settings = replace(FLOW, size=fixed(venue.size))
        self.flow = Follower(self.matching, SYMBOL, 10 * seed + place, settings, START_NS)
        self.flow.leader = leader
        ledger.open("engine", watched=False)
        for asset in ("ETH", "USDT"):
            ledger.deposit("engine", asset, fixed("1000000000"))
        lanes = system.open_lanes(EXECUTION, venue.name)
        self._routed, self._orders = lanes.ring_reader("routed"), lanes.ring_writer("orders")
        self._accepted = lanes.cell_writer("accepted")
        self._accepted.write(1, 0, 0, 0, (0,) * 5)
        self._books = system.open_lanes(FEED).ring_writer("books")
        self._later: deque[tuple[int, Any]] = deque()  # what arrives when, each way, in order
        self._back: deque[tuple[int, bytes]] = deque()
        self._shown: tuple[Any, ...] = ()
        self.paid = self.filled = 0.0  # paid with the fee

    def step(self, now_ns: int) -> None:
        """The background, what arrives from the router, what arrives from the venue."""
        self.flow.step(now_ns)
        while self._later and self._later[0][0] <= now_ns:
            self._execute(self._later.popleft()[1], now_ns)
        self._show(now_ns)
        while self._back and self._back[0][0] <= now_ns:
            due_ns, record = self._back.popleft()
            if len(record) == BOOK_TOP.size:
                record = BOOKS.pack_row(BOOKS.unpack(record)._replace(receive_ns=due_ns))
            (self._books if len(record) == BOOK_TOP.size else self._orders).publish_bytes(record)
        while (data := self._routed.read_bytes()) is not None:
            self._later.append((now_ns + self.delay_ns, INTENTS.unpack(data)))
            self._accepted.write(1, self._routed.cursor, 0, now_ns, (0,) * 5)

    @property
    def middle(self) -> float:
        """The middle of the book now, in the instrument's numbers."""
        book = self.matching.books[SYMBOL]
        return (book.bids.best()[0] + book.asks.best()[0]) / 2 / PRICE_SCALE

    def _execute(self, intent: IntentRow, now_ns: int) -> None:
        """An IOC order at the matching engine, and its answer on the way back."""
        if intent.kind != IntentKind.PLACE:
            return
        order = self.matching.place(
            OrderRequest("engine", SYMBOL, f"{intent.intent_id:x}", intent.side, Kind.LIMIT, Until.IOC,
                         intent.price * PRICE_SCALE, intent.size * SIZE_SCALE), now_ns,
        )  # fmt: skip
        assert isinstance(order, Order), order
        fee = 1 + intent.side * self.venue.fee_bps / 10_000
        self.paid += sum(fill.price / PRICE_SCALE * fill.size / SIZE_SCALE for fill in order.fills) * fee
        filled = order.filled // SIZE_SCALE
        self.filled += filled
        state = OrderState.FILLED if filled == intent.size else OrderState.EXPIRED
        row = ORDERS.unpack(bytes(ORDER.size))._replace(
            intent_id=intent.intent_id, strategy=intent.strategy, instrument=intent.instrument, side=intent.side,
            size=intent.size, filled=filled, state=state, sent_ns=intent.now_ns, answer_ns=now_ns + self.delay_ns,
        )  # fmt: skip
        self._back.append((now_ns + self.delay_ns, ORDERS.pack_row(row)))

    def _show(self, now_ns: int) -> None:
        """Send the book on its way, if it changed."""
        book = self.matching.books[SYMBOL]
        bids, asks = book.bids.depth(BOOK_DEPTH), book.asks.depth(BOOK_DEPTH)
        if (bids, asks) == self._shown:
            return
        self._shown = bids, asks
        row = BOOKS.unpack(bytes(BOOK_TOP.size))._replace(
            instrument=self.place + 1, state=BookState.GOOD, bids=len(bids), asks=len(asks),
            bid_price=_column(bids, 0, PRICE_SCALE), bid_size=_column(bids, 1, SIZE_SCALE),
            ask_price=_column(asks, 0, PRICE_SCALE), ask_size=_column(asks, 1, SIZE_SCALE),
        )  # fmt: skip
        self._back.append((now_ns + self.delay_ns, BOOKS.pack_row(row)))


def _column(levels: Sequence[tuple[int, int]], index: int, scale: int) -> tuple[int, ...]:
    return tuple(level[index] // scale for level in levels) + (0,) * (BOOK_DEPTH - len(levels))


class Outcome(NamedTuple):
    """What became of one parent."""

    cost_bps: float
    filled: float  # the share
    venues: int  # that filled some of it


def outcomes(size: str, tapes: int) -> dict[str, list[Outcome]]:
    """The parent of this size on every tape: routed, and at each venue alone."""
    names = [one.name for one in VENUES]
    plans = {"routed": names} | {name: [name] for name in names}
    return {plan: [run(seed, size, used) for seed in range(1, tapes + 1)] for plan, used in plans.items()}


def place_of(name: str) -> int:
    """The id of a venue's instrument."""
    return next(place for place, one in enumerate(VENUES, 1) if one.name == name)


def best_single(found: dict[str, list[Outcome]]) -> str:
    """The venue with the least mean cost, chosen after the fact."""
    alone = {name: mean(one.cost_bps for one in ones) for name, ones in found.items() if name != "routed"}
    return min(alone, key=alone.__getitem__)


def run(seed: int, size: str, used: Sequence[str]) -> Outcome:
    """One parent on one tape, over these venues: bought on even tapes, sold on odd ones."""
    names = tuple(one.name for one in VENUES)
    system = MemorySystem(Owners(("asker",), (FEED, *names, ROUTER, "asker"), (FEED,), names, (ROUTER,)))
    exchanges: list[Exchange] = []
    for place, venue in enumerate(VENUES):
        exchanges.append(Exchange(seed, place, venue, system, exchanges[0].flow if exchanges else None))
    with tempfile.TemporaryDirectory() as directory:
        router = _router(system, Path(directory) / "router.journal", used)
        outcome = _trade(seed, size, used, system, exchanges, router)
        router.close()
    return outcome


def _router(system: MemorySystem, journal: Path, used: Sequence[str]) -> Router:
    """The role over a route of these venues."""
    names = tuple(one.name for one in VENUES)
    lanes = open_router_lanes(system.open_lanes(ROUTER), {STRATEGY_NUMBER: "asker"}, names)
    instruments = [
        Instrument(place + 1, one.name, SYMBOL, "ETH", "USDT", 2, 4, 1, 1, 1, 10**12, 5 * 10**6)
        for place, one in enumerate(VENUES) if one.name in used
    ]  # fmt: skip
    fees = {one.name: round(one.fee_bps * 100) for one in VENUES}
    route = make_route("eth", instruments, {one: one for one in names}, fees)
    table = Table(routes=(), taker_fee_bps={})
    options = RouterOptions.of(table)
    alive = dict.fromkeys(names, lambda: True)
    offers = Offers(lanes.books, alive, options.book_age_ns, options.latency_bps_per_ms, options.first_ack_ns)
    return Router(
        1, routes_by_instrument([route]), options, lanes, Journal(journal), offers, lambda _: "", Tables(table)
    )


def _trade(
    seed: int, size: str, used: Sequence[str], system: MemorySystem, exchanges: Sequence[Exchange], router: Router
) -> Outcome:
    """Decide the parent when the venues are warm, and let it work."""
    side, whole = (BUY if seed % 2 == 0 else SELL), round(float(size) * 10**4)
    lane = system.open_lanes(STRATEGY, "asker").ring_writer("routes")
    lane.follow(system.open_lanes(STRATEGY, "asker").cell_reader("routes_accepted"), 0)
    middle = 0.0
    for turn in range(WARM_MS + SECONDS * 1_000):
        now_ns = START_NS + turn * MS
        for exchange in exchanges:
            exchange.step(now_ns)
        if turn == WARM_MS:
            middle = sum(one.middle for one in exchanges) / len(exchanges)
            limit = round(middle * (1 + side * LIMIT_BPS / 10_000))
            assert lane.publish_bytes(INTENTS.pack_row(_intent(side, whole, limit, place_of(used[0]), now_ns)))
        router.step(now_ns)
        if turn > WARM_MS + ROUND_TRIP_MS and not router.parents.living:
            break
    paid, filled = sum(one.paid for one in exchanges), sum(one.filled for one in exchanges)
    assert filled <= whole, f"{filled} of {whole} were filled"
    cost = side * (paid / filled / middle - 1) * 10_000 if filled else 0.0
    return Outcome(cost, filled / whole, sum(one.filled > 0 for one in exchanges))


def _intent(side: int, size: int, price: int, instrument: int, now_ns: int) -> IntentRow:
    """The parent."""
    return INTENTS.unpack(bytes(INTENT.size))._replace(
        intent_id=STRATEGY_NUMBER << 40 | 1, now_ns=now_ns, ttl_ns=1_000 * MS, price=price, size=size,
        strategy=STRATEGY_NUMBER, instrument=instrument, kind=IntentKind.PLACE, side=side, order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC, algorithm=algorithms.ROUTE, timeout_ns=SECONDS * 1_000 * MS,
    )  # fmt: skip
