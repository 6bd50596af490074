"""A router over three accounts in the memory of this process, and desks in the place of their executions.

A desk does what the router relies on: it reads ROUTED in order, refuses a repeated intent by its id and an old one by
its age, fills an IOC from the liquidity of its venue, and publishes VERDICTS and ORDERS. It survives the router.
"""

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from engine.config.tables import Route as TableRoute
from engine.config.tables import Router as Table
from engine.lanes import EXECUTION, FEED, ROUTER, STRATEGY, SUPERVISOR, Owners
from engine.lanes.map import Lane
from engine.lanes.memory import MemoryReader, MemoryRing, MemorySystem
from engine.model import algorithms
from engine.model.codec import Codec
from engine.model.instrument import Instrument
from engine.model.intent_id import strategy_of
from engine.model.records import BOOK_TOP, COMMAND, INTENT, ORDER, VERDICT
from engine.model.rows import IntentRow, OrderRow, VerdictRow
from engine.model.words import (
    BUY,
    BookState,
    CommandKind,
    IntentFlag,
    IntentKind,
    OrderState,
    OrderType,
    Reason,
    TimeInForce,
)
from engine.router import journal as journals
from engine.router.journal import Journal
from engine.router.lanes import open_router_lanes
from engine.router.offers import Offers
from engine.router.options import RouterOptions, Tables
from engine.router.role import Router
from engine.router.terms import make_route, routes_by_instrument

MS = 1_000_000
SECOND = 1_000 * MS
START = 1_800_000_000 * SECOND
MAKER = 7
ACCOUNTS = ("east", "west", "north")
FEES = {"east": 1_000, "west": 750, "north": 200}
INSTRUMENTS = (
    Instrument(1, "east", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 5 * 10**7),
    Instrument(2, "west", "BTCUSDT", "BTC", "USDT", 1, 4, 1, 1, 1, 10**11, 5 * 10**5),
    Instrument(3, "north", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 10, 10, 10**12, 10 * 10**7),
)
INTENTS, ORDERS, VERDICTS, BOOKS, COMMANDS = map(Codec, (INTENT, ORDER, VERDICT, BOOK_TOP, COMMAND))
DONE = (OrderState.FILLED, OrderState.EXPIRED)


class KilledError(BaseException):
    """The router's process is killed here."""


class Mortality:
    """Counts the router's effects, and kills it at one of them: before it, after it, or in the middle of a write."""

    def __init__(self) -> None:
        """Kill nothing yet."""
        self.count, self.at, self.how = 0, 0, "before"

    def arm(self, at: int, how: str) -> None:
        """Kill at this effect from now on."""
        self.count, self.at, self.how = 0, at, how

    def meets(self) -> str:
        """Count an effect: how to die at it, or nothing."""
        self.count += 1
        return self.how if self.count == self.at else ""


class MortalRing(MemoryRing):
    """A ring whose writer may be killed at a publish, if it is the router's."""

    mortality: Mortality

    def __init__(self, lane: Lane, **rest: object) -> None:
        """Know whether the router writes it."""
        super().__init__(lane, **rest)  # type: ignore[arg-type]
        self._mortal = lane.writer == ROUTER

    def publish_bytes(self, buffer: bytes) -> bool:
        """Publish, or die before or after it."""
        how = self.mortality.meets() if self._mortal else ""
        if how and how != "after":
            raise KilledError
        done = super().publish_bytes(buffer)
        if how:
            raise KilledError
        return done


@dataclass
class Desk:
    """One account's execution with its venue."""

    account: str
    system: MemorySystem
    random: Random
    place: int  # among the cells of ACCEPTED
    refusing: Reason | None = None
    notional_most: int = 0  # of an order, in the instrument's numbers; 0: any
    dead: bool = False
    held: int | None = None  # a reduce-only child is cut to it
    fill_least: float = 1.0  # the least share of a child that the venue fills
    last: dict[int, int] = field(default_factory=dict)
    placed: dict[int, IntentRow] = field(default_factory=dict)
    filled: dict[int, int] = field(default_factory=dict)
    seen: dict[int, bytes] = field(default_factory=dict)
    reasons: list[int] = field(default_factory=list)
    repeats: int = 0

    def __post_init__(self) -> None:
        """Begin with its lanes."""
        self.open()

    def open(self) -> None:
        """Open the lanes."""
        lanes = self.system.open_lanes(EXECUTION, self.account)
        self._routed: MemoryReader = lanes.ring_reader("routed")
        self._routed.cursor = 0
        self._accepted = lanes.cell_writer("accepted")
        self._accepted.write(self.place, 0, 0, 0, (0,) * 5)
        self._orders, self._verdicts = lanes.ring_writer("orders"), lanes.ring_writer("verdicts")

    def step(self, now_ns: int) -> None:
        """Read the intents and answer them, unless dead."""
        while not self.dead and (data := self._routed.read_bytes()) is not None:
            assert isinstance(data, bytes)
            self._follow(INTENTS.unpack(data), data, now_ns)
            self._accepted.write(self.place, self._routed.cursor, 0, now_ns, (0,) * 5)

    def _follow(self, intent: IntentRow, data: bytes, now_ns: int) -> None:
        known = self.seen.setdefault(intent.intent_id, data)
        assert known == data, "an id means one intent for ever"
        strategy = strategy_of(intent.intent_id)
        if intent.intent_id <= self.last.get(strategy, 0):
            self.repeats += 1
            self._answer(intent, Reason.DUPLICATE_INTENT, now_ns)
            return
        self.last[strategy] = intent.intent_id
        if intent.kind == IntentKind.CANCEL:
            self._answer(intent, Reason.UNKNOWN_ORDER, now_ns)
        elif now_ns - intent.now_ns > intent.ttl_ns:
            self._answer(intent, Reason.INTENT_TOO_OLD, now_ns)
        elif self.refusing is not None:
            self._answer(intent, self.refusing, now_ns)
        elif 0 < self.notional_most < intent.price * intent.size:
            self._answer(intent, Reason.ORDER_TOO_LARGE, now_ns, intent.price * intent.size, self.notional_most)
        else:
            self._answer(intent, Reason.APPROVED, now_ns)
            self._place(intent, now_ns)

    def _place(self, intent: IntentRow, now_ns: int) -> None:
        if self.held is not None and intent.flags & IntentFlag.REDUCE_ONLY:
            intent = intent._replace(size=min(intent.size, self.held))
        self.placed[intent.intent_id] = intent
        share = self.random.uniform(self.fill_least, 1.0)
        step = INSTRUMENTS[self.place_of_instrument(intent)].size_step
        filled = intent.size if share >= 1 else int(intent.size * share) // step * step
        self.filled[intent.intent_id] = filled
        self._order(intent, OrderState.SENT, 0, now_ns)
        state = OrderState.FILLED if filled == intent.size else OrderState.EXPIRED
        self._order(intent, state, filled, now_ns + 3 * MS)

    @staticmethod
    def place_of_instrument(intent: IntentRow) -> int:
        """The place of an intent's instrument."""
        return next(i for i, one in enumerate(INSTRUMENTS) if one.id == intent.instrument)

    def _order(self, intent: IntentRow, state: int, filled: int, now_ns: int) -> None:
        row = ORDERS.unpack(bytes(ORDER.size))._replace(
            intent_id=intent.intent_id, strategy=intent.strategy, instrument=intent.instrument, state=state,
            size=intent.size, filled=filled, side=intent.side, sent_ns=now_ns - 3 * MS,
            answer_ns=now_ns if state in DONE else 0,
        )  # fmt: skip
        self._orders.publish_bytes(ORDERS.pack_row(row))

    def _answer(self, intent: IntentRow, reason: int, now_ns: int, value: int = 0, limit: int = 0) -> None:
        row = VERDICTS.unpack(bytes(VERDICT.size))._replace(
            intent_id=intent.intent_id, strategy=intent.strategy, instrument=intent.instrument, reason=reason,
            kind=intent.kind, now_ns=now_ns, value=value, limit=limit,
        )  # fmt: skip
        self.reasons.append(reason)
        self._verdicts.publish_bytes(VERDICTS.pack_row(row))


class House:
    """The whole of it."""

    def __init__(self, directory: Path, seed: int = 1, **keys: object) -> None:
        """Make the lanes, the desks and the first life of the router."""
        self.mortality = MortalRing.mortality = Mortality()
        self.path, self.now, self.random = directory / "router.journal", START, Random(seed)
        self._lives_of_lanes = 0
        self._make_lanes()
        self.desks = {one: Desk(one, self.system, self.random, 1) for one in ACCOUNTS}
        self.beating = dict.fromkeys(ACCOUNTS, True)
        self.table = Table(routes=(TableRoute(name="btc", instruments=(1, 2, 3)),), taker_fee_bps={}, **keys)  # type: ignore[arg-type]
        self._count = 0
        self.lives = 0
        self.router = self.start()

    def _make_lanes(self) -> None:
        """Shared memory as a start of the whole system makes it."""
        roles = ("feed", *ACCOUNTS, "router", "maker")
        self._lives_of_lanes += 1
        self.system = MemorySystem(
            Owners(("maker",), roles, ("feed",), ACCOUNTS, (ROUTER,)),
            make_ring=partial(MortalRing, stream=self._lives_of_lanes.to_bytes(16, "little")),
        )
        maker = self.system.open_lanes(STRATEGY, "maker")
        self._routes = maker.ring_writer("routes")
        self._routes.follow(maker.cell_reader("routes_accepted"), 0)
        self.verdicts, self.orders = maker.ring_reader("route_verdicts"), maker.ring_reader("route_orders")
        self._books = self.system.open_lanes(FEED).ring_writer("books")
        supervisor = self.system.open_lanes(SUPERVISOR)
        self._commands, self.halt = supervisor.ring_writer("commands"), supervisor.cell_writer("halt")

    def start(self) -> Router:
        """A life of the router."""
        self.lives += 1
        lanes = open_router_lanes(self.system.open_lanes(ROUTER), {MAKER: "maker"}, ACCOUNTS)
        route = make_route("btc", INSTRUMENTS, {one: one for one in ACCOUNTS}, FEES)
        options = RouterOptions.of(self.table)
        alive = {one: (lambda one=one: self.beating[one]) for one in ACCOUNTS}
        offers = Offers(lanes.books, alive, options.book_age_ns, options.latency_bps_per_ms, options.first_ack_ns)
        self._journal = Journal(self.path)
        names = dict(enumerate(ACCOUNTS, 1))
        try:
            return Router(
                3, routes_by_instrument([route]), options, lanes, self._journal, offers, lambda one: names[one],
                Tables(self.table),
            )  # fmt: skip
        except KilledError:
            self.bury()
            raise

    def bury(self) -> None:
        """What the kernel does after SIGKILL: the lock is free, the file stays."""
        os.close(self._journal._file)
        os.close(self._journal._lock)

    def revive(self) -> None:
        """Kill the router and start the next life, as often as it is killed meanwhile."""
        self.bury()
        while True:
            try:
                self.router = self.start()
            except KilledError:
                continue
            return

    def lose_power(self, kept: int) -> None:
        """End the machine, with so many bytes of the journal on its disk, and start the whole system again."""
        self.bury()
        os.truncate(self.path, kept)
        self.now += SECOND
        self._make_lanes()
        for desk in self.desks.values():
            desk.system = self.system
            desk.open()
        self.router = self.start()

    def book(self, instrument: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
        """Publish a good book, in the venue's numbers."""
        row = BOOKS.unpack(bytes(BOOK_TOP.size))._replace(
            receive_ns=self.now, instrument=instrument, state=BookState.GOOD, bids=len(bids), asks=len(asks),
            bid_price=_filled(bids, 0), bid_size=_filled(bids, 1), ask_price=_filled(asks, 0),
            ask_size=_filled(asks, 1),
        )  # fmt: skip
        self._books.publish_bytes(BOOKS.pack_row(row))

    def books(self, size: float = 1.0) -> None:
        """A book of every venue: west is the cheapest to buy from, then north, then east."""
        whole = round(size * 10**5)
        self.book(1, [(49_990_00, whole)], [(50_010_00, whole), (50_020_00, whole)])
        self.book(2, [(49_980_0, whole // 10)], [(50_000_0, whole // 10), (50_030_0, whole // 10)])
        self.book(3, [(49_970_00, whole)], [(50_005_00, whole), (50_025_00, whole)])

    def place(self, size: int, price: int = 50_100_00, instrument: int = 1, side: int = BUY, **fields: object) -> int:
        """Submit an intent to the router; its id."""
        self._count += 1
        intent_id = MAKER << 40 | self._count
        row = INTENTS.unpack(bytes(INTENT.size))._replace(
            intent_id=intent_id, now_ns=self.now, ttl_ns=SECOND, price=price, size=size, strategy=MAKER,
            instrument=instrument, kind=IntentKind.PLACE, side=side, order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC, algorithm=algorithms.ROUTE,
        )._replace(**fields)  # fmt: skip
        assert self._routes.publish_bytes(INTENTS.pack_row(row))
        return intent_id

    def cancel(self, target_id: int) -> int:
        """Submit the cancel of a parent."""
        return self.place(0, kind=IntentKind.CANCEL, target_id=target_id, algorithm=0)

    def command(self, kind: CommandKind, **scope: int) -> None:
        """Publish an operator's command."""
        self._commands.publish_bytes(
            COMMANDS.pack_row(COMMANDS.unpack(bytes(COMMAND.size))._replace(kind=kind, **scope))
        )

    def step(self, count: int = 1) -> None:
        """Step the router and every desk, a millisecond a time."""
        for _ in range(count):
            self.now += MS
            self.router.step(self.now)
            self.step_desks()

    def step_desks(self) -> None:
        """Step every desk."""
        for desk in self.desks.values():
            desk.step(self.now)

    def verdict_of(self, intent_id: int) -> VerdictRow:
        """The newest verdict on an intent."""
        found = [row for row in self._every(self.verdicts) if row.intent_id == intent_id]
        return found[-1]

    def order_of(self, intent_id: int) -> OrderRow:
        """A parent as its strategy sees it last."""
        return [row for row in self._every(self.orders) if row.intent_id == intent_id][-1]

    def traded(self) -> int:
        """What every venue filled, in the route's numbers."""
        factors = {"east": 1, "west": 10, "north": 1}
        return sum(sum(desk.filled.values()) * factors[name] for name, desk in self.desks.items())

    def sent(self, account: str) -> list[IntentRow]:
        """The orders that a desk placed."""
        return list(self.desks[account].placed.values())

    @staticmethod
    def _every(reader: MemoryReader) -> list[object]:
        reader.cursor = 0
        rows = []
        while (row := reader.read()) is not None:
            rows.append(row)
        return rows


def _filled(levels: list[tuple[int, int]], index: int) -> tuple[int, ...]:
    return tuple(level[index] for level in levels) + (0,) * (10 - len(levels))


def write_whole(descriptor: int, data: bytes) -> None:
    """In the place of the journal's write: the router may be killed before, in the middle of or after it."""
    how = MortalRing.mortality.meets()
    torn = len(data) // 2 if how == "torn" else 0 if how == "before" else len(data)
    os.write(descriptor, data[:torn])
    if how:
        raise KilledError


WRITE = journals.__name__ + "._write_whole"
