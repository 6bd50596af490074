"""A house: execution on the product's lanes in memory, which outlive the role as shared memory does."""

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from engine.execution.build import open_execution_lanes
from engine.execution.config import ExecutionConfig, JournalConfig
from engine.execution.journal.journal_file import reserve_disk
from engine.execution.ports import Beating, ExecutionLanes, ExecutionPorts, OperatorPort
from engine.execution.restore.disk import DirectDisk
from engine.execution.role import Execution
from engine.lanes import EXECUTION, Lane, Owners, lane_of
from engine.lanes.memory import MemoryCells, MemoryReader, MemoryRing, MemorySystem
from engine.model import algorithms, records
from engine.model.instrument import Instrument
from engine.model.text import bare
from engine.model.words import (
    BUY,
    SELL,
    BookState,
    CommandKind,
    FillFlag,
    IntentKind,
    OrderFlag,
    OrderType,
    TimeInForce,
)
from engine.risk.limits import RiskLimits
from engine.venues.binance.signing import Ed25519Signer
from engine.venues.binance.trading.reader import BinanceTrading
from engine.venues.binance.trading.session import BinanceSession
from engine.venues.session import MakeSession
from tests.engine.execution.venue_double import KEY_PEM, FakeVenue

SYSTEM = UUID("00000000-0000-4000-8000-a1b2c3d4e5f6")
BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 5 * 10**7)
ETH = Instrument(2, "binance", "ETHUSDT", "ETH", "USDT", 2, 4, 1, 1, 1, 10**12, 5 * 10**6)
STRATEGY, OTHER = 3, 4
SECOND = 1_000_000_000
MS = 1_000_000
CHASE = 1  # the number of the algorithm
AS_LIMIT, AS_MARKET, AS_CHASE = {"order_type": OrderType.LIMIT}, {"order_type": OrderType.MARKET}, {"algorithm": CHASE}
RINGS = (
    "books", "commands", "journal", "verdicts", "orders", "parents", "fills", "steps", "disagreements",
    "reconciliations",
)  # fmt: skip
CELLS = (
    "halt", "positions", "accepted", "gate", "sessions", "instrument_halts", "scope_halts", "limits", "balances",
    "monitored",
)  # fmt: skip
START_NS = 1_700_000_000 * SECOND
OUTLIVING = bytes(8)  # the second half of a ring's stream


class Ring(MemoryRing):
    """A ring of the product's that keeps every record, with the rows published so far."""

    def __init__(self, lane: Lane | str, *, first: int = 0, life: int = 1) -> None:
        """An empty lane of the map; `life` distinguishes the rings of one start of the machine from another's."""
        lane = lane_of(lane) if isinstance(lane, str) else lane
        self.lane = lane
        super().__init__(lane, keep_all=True, first=first, stream=life.to_bytes(8, "little") + OUTLIVING)
        self.rows: list[Any] = []

    @property
    def log(self) -> bytes:
        """The bytes of every record."""
        return b"".join(self.records())

    def publish_bytes(self, buffer: bytes) -> bool:
        """Publish whole records, and keep their rows."""
        published = super().publish_bytes(buffer)
        size = self.codec.record.size
        self.rows += [self.codec.unpack(buffer[at : at + size]) for at in range(0, len(buffer), size)]
        return published

    def reader(self, cursor: int | None = None) -> MemoryReader:
        """A reader from `cursor` on, or from the first record."""
        return super().reader(self.first if cursor is None else cursor)

    def newest(self, count: int) -> "Ring":
        """A ring that holds only the newest records, as one that has overwritten the others."""
        ring = Ring(self.lane, first=self.cursor - count)
        for record in self.records()[-count:]:
            ring.publish_bytes(record)
        return ring


def cells_of(name: str) -> MemoryCells:
    """Cells of the map that were never written."""
    return MemoryCells(lane_of(name))


class House:
    """One system's memory, its disk and its venue, and lives of execution in it."""

    routers: tuple[str, ...] = ()

    def __init__(self, directory: Path, *, strategies: tuple[int, ...] = (STRATEGY,), **more: Any) -> None:
        """Fresh memory, an empty disk, a venue with nothing in it."""
        self.now_ns = START_NS
        self.disk = more.pop("disk", "after")
        self.segment_size = more.pop("segment_size", 1 << 16)
        self.reserve = more.pop("reserve", reserve_disk)
        more_venue = more.pop("venue", None)
        permits = {one: more.get("permits", {}).get(one, frozenset({1, 2})) for one in strategies}
        more.pop("permits", None)
        more.setdefault("balance_interval_ns", 0)  # its own tests compare balances
        limits = {"max_order_rate_per_min": 10_000} | more.pop("limits", {})
        self.config = ExecutionConfig(
            venue="binance", system=more.pop("system", SYSTEM), instruments=more.pop("instruments", (BTC, ETH)),
            strategies=permits,
            limits=RiskLimits(**limits), journal=JournalConfig(str(directory), self.disk, self.segment_size), **more,
        )  # fmt: skip
        self.venue: Any = more_venue or FakeVenue(("BTCUSDT", "ETHUSDT"))
        self.counts = dict.fromkeys(strategies, 0)
        self.halts_asked: list[str] = []
        self.operator: OperatorPort | None = None
        self.monitor: Beating | None = None
        self.power_on()
        self.role = self.live()

    def power_on(self) -> None:
        """Shared memory as a fresh start of the machine leaves it."""
        self.life = getattr(self, "life", 0) + 1
        names = tuple(self.names.values())
        owners = Owners(names, (EXECUTION, *names), routers=self.routers)
        self.memory = MemorySystem(owners, make_ring=partial(Ring, life=self.life))
        self.rings = {name: self.ring(name) for name in RINGS}
        self.intents = {number: self.ring(f"intents.{name}") for number, name in self.names.items()}
        self.cells = {name: self.memory.cells[self.full_name(name)] for name in CELLS}

    @property
    def names(self) -> dict[int, str]:
        """The strategies' names by number."""
        return {number: f"strategy{number}" for number in self.config.strategies}

    def ring(self, name: str) -> Ring:
        """The ring of this name."""
        found: Any = self.memory.rings[self.full_name(name)]
        return found

    def full_name(self, name: str) -> str:
        """A lane's name in its system: of one that exists once for each feed or execution, the only one."""
        (full,) = {f"{name}{of}" for of in ("", ".feed", ".execution")} & {*self.memory.rings, *self.memory.cells}
        return full

    def put(self, name: str, ring: MemoryRing) -> None:
        """Give the next life of execution another ring in place of this one."""
        self.memory.rings[self.full_name(name)] = self.rings[name] = ring  # type: ignore[assignment]

    def live(self) -> Execution:
        """A life of execution: everything it knows comes from memory and disk."""
        ports = ExecutionPorts(
            self.make_session(), lambda _, text: self.halts_asked.append(text), self.operator, self.monitor
        )
        return Execution(self.config, self.open_lanes(), ports, DirectDisk(self.reserve))

    def open_lanes(self) -> ExecutionLanes:
        """The lanes of a life."""
        return open_execution_lanes(self.memory.open_lanes(EXECUTION), self.names)

    def rows(self, cells: str) -> list[Any]:
        """The row of every cell that was written."""
        lane = self.cells[cells]
        return [row for index in range(lane.count) if (row := lane.read(index)) is not None]

    def forget(self, cells: str) -> None:
        """Clear cells, as if they had never been written."""
        self.cells[cells]._records.clear()

    def make_session(self) -> MakeSession:
        """How execution reaches the venue."""
        wire = BinanceTrading(
            list(self.config.instruments), Ed25519Signer(getattr(self.venue, "api_key", "key"), KEY_PEM), 5000
        )
        return partial(BinanceSession, wire, self.venue.connect)

    def kill(self) -> None:
        """SIGKILL: the object is dropped at once; the kernel closes what it had open."""
        self.venue.cut()
        self.role.journal.file.abandon()

    def restart(self) -> None:
        """Kill and live again."""
        self.kill()
        self.role = self.live()

    def run(self, steps: int = 1, each_ns: int = MS) -> None:
        """Let time pass."""
        for _ in range(steps):
            self.now_ns += each_ns
            self.venue.advance(self.now_ns)
            self.role.step(self.now_ns)

    def ready(self) -> None:
        """Until trading may begin, with good books."""
        for _ in range(20_000):
            self.run()
            if self.role.recovery.complete and self.role.session.up:
                break
        assert self.role.recovery.complete
        self.book()
        self.run()

    def book(
        self,
        bid: int = 6_000_000,
        ask: int = 6_000_100,
        instrument: int = 1,
        state: int = BookState.GOOD,
        imbalance: float = 0.0,
    ) -> None:
        """A top of book, published by the feed."""
        zeros = (0,) * 9
        self.rings["books"].publish(
            self.now_ns, self.now_ns, 0, 0, 0, imbalance, 0.0, instrument, state, 1, 1, 0, 1, (bid, *zeros),
            (1, *zeros), (ask, *zeros), (1, *zeros), (0,) * 7,
        )  # fmt: skip

    def intent(self, side: int = BUY, size: int = 1000, price: int = 5_999_000, **more: Any) -> int:
        """An intent in a strategy's lane; its id."""
        strategy = more.get("strategy", STRATEGY)
        self.counts[strategy] += 1
        intent_id = more.get("intent_id", strategy << 40 | self.counts[strategy])
        self.intents[strategy].publish(
            intent_id, more.get("target_id", 0), more.get("now_ns", self.now_ns), more.get("ttl_ns", SECOND), 0,
            self.now_ns, price, size, more.get("timeout_ns", 0), strategy, more.get("instrument", 1),
            more.get("kind", IntentKind.PLACE), side, more.get("order_type", OrderType.LIMIT),
            more.get("time_in_force", TimeInForce.GTC), more.get("algorithm", 0),
            more.get("flags", 0), 0.0,
            more.get("parameters", (0, 0, 0, 0)),
        )  # fmt: skip
        return intent_id

    def cancel(self, target_id: int) -> int:
        """A CANCEL intent."""
        return self.intent(kind=IntentKind.CANCEL, target_id=target_id)

    def command(
        self, kind: CommandKind, strategy: int = 0, instrument: int = 0, account: int = 0, target_id: int = 0
    ) -> None:
        """An operator's command."""
        row = records.COMMAND.row(
            now_ns=self.now_ns, version=0, kind=kind, reason=0, strategy=strategy, instrument=instrument, uid=0, pid=0,
            account=account, target_id=target_id, disabled=0, values=b"",
        )  # fmt: skip
        self.rings["commands"].publish(*row)

    def set_values(self, version: int, *, strategy: int = 0, disabled: bool = False, **values: Any) -> None:
        """What an operator has set for risk, or for a strategy."""
        row = records.COMMAND.row(
            now_ns=self.now_ns, version=version, kind=CommandKind.SET, reason=0, strategy=strategy, instrument=0, uid=7,
            pid=8, account=0, target_id=0, disabled=int(disabled), values=json.dumps(values).encode(),
        )  # fmt: skip
        self.rings["commands"].publish(*row)

    def place(self, **more: Any) -> Any:
        """An intent, and time until its order is open; the order."""
        intent_id = self.intent(**more)
        self.run(3)
        return self.role.blotter.newest[intent_id]

    def verdict(self, intent_id: int) -> int:
        """The reason of the last verdict on an intent."""
        return [row.reason for row in self.rings["verdicts"].rows if row.intent_id == intent_id][-1]

    def settle(self, seconds: int = 20) -> None:
        """Let everything come to rest."""
        for _ in range(seconds * 10):
            self.run(1, 100 * MS)

    def check_truth(self) -> None:
        """Our fills are the venue's, each once; orders have the venue's states; positions are the sum of the fills."""
        at_venue = [row for row in self.rings["fills"].rows if not row.flags & FillFlag.INTERNAL]
        reported = [(row.instrument, bare(row.venue_fill_id)) for row in at_venue]
        ours = {(one, number) for one, known in self.role.blotter.fills.items() for number in known.trades}
        truth = self.venue.own_fills(self.mark)
        assert sorted(ours) == sorted(truth)
        assert sorted(reported) == sorted(truth)
        orders = self.role.blotter.orders
        for client_id, there in self.venue.orders.items():
            if there.ours(self.mark):
                here = orders[bytes.fromhex(client_id)]
                assert here.filled == there.executed, (client_id, here.state)
                assert here.state == there.state(), (client_id, here.state, there.status)
        for here in orders.values():
            there = here.client_id.hex() in self.venue.orders
            assert not here.flags & OrderFlag.INTERNAL if there else here.state == 9 or here.flags & OrderFlag.INTERNAL
        self.check_sizes()
        self.check_netted()
        for position in self.role.ledger.account.values():
            assert position.size == self.venue.holding(self.mark, position.instrument.symbol)

    def check_netted(self) -> None:
        """Internal fills come in pairs that add up to nothing: the strategies together hold what the account holds."""
        netted = [row for row in self.rings["fills"].rows if row.flags & FillFlag.INTERNAL]
        assert len({row.venue_fill_id for row in netted}) == len(netted), "an internal fill was published twice"
        for buy, sell in zip(netted[::2], netted[1::2], strict=True):
            assert (buy.price, buy.size, buy.side, sell.side) == (sell.price, sell.size, BUY, SELL)
            assert buy.strategy != sell.strategy
        for number, account in self.role.ledger.account.items():
            held = [one.held for (_, of), one in self.role.ledger.owned.items() if of == number]
            assert sum(held) == account.held

    def check_sizes(self) -> None:
        """No intent was filled beyond its size, however many requests it took; nor a REPLACE with what it replaced."""
        filled: Counter[tuple[int, int]] = Counter()  # by intent and side: a bracket has exits on the other one
        for one in self.venue.orders.values():
            if one.ours(self.mark):
                filled[int(one.client_id[12:28], 16), BUY if one.side == "BUY" else SELL] += one.executed
        for row in self.rings["fills"].rows:
            if row.flags & FillFlag.INTERNAL:
                filled[row.intent_id, row.side] += row.size
        for lane in self.intents.values():
            for row in lane.rows:
                whole = filled[row.intent_id, row.side]
                assert filled[row.intent_id, -row.side] <= whole or algorithms.closes(row.algorithm), row
                if row.kind == IntentKind.REPLACE and whole:
                    whole += filled[row.target_id, row.side]
                bounded = row.kind in (IntentKind.PLACE, IntentKind.REPLACE) and not algorithms.closes(row.algorithm)
                assert whole <= row.size or not bounded, row

    @property
    def mark(self) -> str:
        """How our ids begin."""
        return SYSTEM.bytes[-6:].hex()


def requests(house: House, method: str) -> list[dict[str, str]]:
    """The parameters of every request of a method."""
    sent = [json.loads(frame) for frame in house.venue.outgoing]
    return [one["params"] for one in sent if one["method"] == method]
