"""Real lanes in a system of its own, and short ways to write what feed and execution would."""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import shm
from engine.lanes import EXECUTION, FEED, STRATEGY, Owners, lane_of, open_lanes
from engine.lanes.create import create, lanes_of
from engine.lanes.map import ROLE
from engine.lanes.open import full_name
from engine.model.group import Group
from engine.model.instrument import Instrument
from engine.model.text import shown
from engine.model.words import BookState, CommandKind, OrderState, TickKind
from engine.strategy.api.strategy import Strategy, reads_of
from engine.strategy.role.lanes import AGGREGATES, INPUTS, StrategyLanes, open_strategy_lanes
from engine.strategy.role.role import StrategyRole

NAME, NUMBER = "maker", 3
BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)
ETH = Instrument(2, "binance", "ETHUSDT", "ETH", "USDT", 2, 4, 1, 1, 1, 10**12, 0)
DEPTH = 10
ONE_OF_EACH = Owners((NAME,), (NAME,))


def levels(pairs: list[tuple[int, int]], at: int) -> tuple[int, ...]:
    """One column of ten levels."""
    return tuple(pair[at] for pair in pairs) + (0,) * (DEPTH - len(pairs))


def full(lane: str, feed: str = FEED, execution: str = EXECUTION) -> str:
    """A lane's name in the system, with its owner: this feed, this execution or the strategy."""
    owners = {STRATEGY: NAME, ROLE: NAME, FEED: feed, EXECUTION: execution}
    of = ".".join(owners[kind] for kind in lane_of(lane).owner_kinds)
    return lane if "." in lane else full_name(lane_of(lane), of)


@dataclass
class System:
    """One system's lanes, and functions that write them as their roles would."""

    name: str
    writers: dict[str, Any] = field(default_factory=dict)
    opened: list[StrategyLanes] = field(default_factory=list)
    taps: dict[str, tuple[shm.RingReader, list[Any]]] = field(default_factory=dict)
    books_made: int = 0
    fills_made: int = 0
    owners: Owners = ONE_OF_EACH
    places: dict[int, int] = field(default_factory=dict)  # by instrument: of its feed and of its execution

    def writer(self, lane: str, instrument: int = 0) -> Any:
        """The one writer of a lane; of several, that of the feed or execution of this instrument."""
        place = self.places.get(instrument, 0)
        name = full(lane, self.owners.feeds[place], self.owners.executions[place])
        if name not in self.writers:
            kind = shm.CellWriter if lane_of(lane).kind == "cells" else shm.RingWriter
            self.writers[name] = kind(f"{self.name}.{name}", lane_of(lane).record)
        return self.writers[name]

    def book(
        self, bids: list[tuple[int, int]], asks: list[tuple[int, int]], *, state: int = BookState.GOOD, of: int = 1
    ) -> None:
        """A book, best levels first."""
        self.books_made += 1
        bought, sold = sum(size for _, size in bids), sum(size for _, size in asks)
        imbalance = (bought - sold) / (bought + sold) if bids and asks else float("nan")
        self.writer("books", of).publish(
            7, 8, 0, self.books_made, 100 + self.books_made, imbalance, float("nan"), of, state, len(bids), len(asks),
            1, self.books_made, levels(bids, 0), levels(bids, 1), levels(asks, 0), levels(asks, 1), (0,) * 7,
        )  # fmt: skip

    def print_(self, side: int, size: int, price: int = 100, of: int = 1) -> None:
        """A trade between others."""
        self.writer("ticks", of).publish(7, 8, 0, 0, price, size, 0, of, TickKind.PRINT, side, 1)

    def verdict(self, intent_id: int, reason: int, kind: int = 1, of: int = 1) -> None:
        """Risk's verdict on an intent."""
        self.writer("verdicts", of).publish(intent_id, 9, 5, 4, 0, NUMBER, of, reason, kind, 0, 0)

    def order(
        self, intent_id: int, state: OrderState, *, side: int = 1, price: int = 100, size: int = 10, filled: int = 0,
        strategy: int = NUMBER, of: int = 1,
    ) -> None:  # fmt: skip
        """A change of an order."""
        self.writer("orders", of).publish(
            b"c",
            intent_id,
            b"",
            0,
            0,
            0,
            0,
            9,
            price,
            size,
            filled,
            0,
            0,
            strategy,
            of,
            0,
            0,
            0,
            state,
            side,
            1,
            1,
            0,
            0,
            0,
            b"",
            b"",
        )

    def fill(
        self,
        intent_id: int,
        side: int,
        size: int,
        *,
        price: int = 100,
        strategy: int = NUMBER,
        of: int = 1,
        again: int = 0,
        fee: int = 0,
        fee_asset: bytes = b"USDT",
        dust: int = 0,
        flags: int = 0,
    ) -> None:
        """A fill; with `again` one that was published before."""
        self.fills_made += not again
        self.writer("fills", of).publish(
            b"c",
            intent_id,
            b"%d" % (again or self.fills_made),
            b"",
            0,
            9,
            price,
            size,
            fee,
            0,
            dust,
            fee_asset,
            strategy,
            of,
            side,
            1,
            flags,
            0,
        )

    def position(
        self, index: int, size: int, fill_sequence: int, *, strategy: int = NUMBER, of: int = 1, dust: int = 0
    ) -> None:
        """A position's cell."""
        values = {"instrument": of, "strategy": strategy, "size": size, "dust": dust, "fill_sequence": fill_sequence}
        record = lane_of("positions").record
        empty = [b"" if field.code == "S" else (0,) * field.count if field.count > 1 else 0 for field in record.fields]
        self.writer("positions", of).write(index, *record.row(*empty)._replace(**values))

    def command(self, kind: CommandKind, strategy: int = 0) -> None:
        """An operator's command."""
        row = lane_of("commands").record.row(
            now_ns=1, version=0, kind=kind, reason=0, strategy=strategy, instrument=0, uid=0, pid=0, account=0,
            target_id=0, disabled=0, values=b"",
        )  # fmt: skip
        self.writer("commands").publish(*row)

    def set_values(self, version: int, *, strategy: int = NUMBER, disabled: bool = False, **values: Any) -> None:
        """What an operator has set for a strategy, or for risk (0)."""
        row = lane_of("commands").record.row(
            now_ns=1, version=version, kind=CommandKind.SET, reason=0, strategy=strategy, instrument=0, uid=0, pid=0,
            account=0, target_id=0, disabled=int(disabled), values=json.dumps(values).encode(),
        )  # fmt: skip
        self.writer("commands").publish(*row)

    def confirmed(self) -> tuple[int, int, str]:
        """The version that the strategy has applied, the one that it has refused, and why."""
        row = shm.CellReader(f"{self.name}.{full('parameters')}").read(0)
        return (0, 0, "") if row is None else (row.version, row.refused, shown(row.error))

    def accept(self, cursor: int) -> None:
        """Execution has read intents so far."""
        for place in {0, *self.places.values()}:
            of = next((one for one, at in self.places.items() if at == place), 0)
            self.writer("accepted", of).write(NUMBER, cursor, 1, 0, (0,) * 5)

    def recorded(self, lane: str) -> list[Any]:
        """A lane as a recorder would have it that was never lapped: call it often enough."""
        if lane not in self.taps:
            self.taps[lane] = (self.reader(lane), [])
        reader, rows = self.taps[lane]
        for row in reader.rows():
            assert not isinstance(row, shm.Lapped), f"the recorder of {lane} was lapped"
            rows.append(row)
        return rows

    def reader(self, lane: str) -> shm.RingReader:
        """A lane from its first record on."""
        reader = shm.RingReader(f"{self.name}.{full(lane)}")
        reader.cursor = reader.header.first
        return reader

    @property
    def intents(self) -> list[Any]:
        """Every intent there was, to the only execution."""
        return self.recorded(f"intents.{NAME}.execution")

    @property
    def steps(self) -> list[Any]:
        """Every STEP there was."""
        return self.recorded(f"steps.{NAME}")

    @property
    def history(self) -> dict[str, list[Any]]:
        """What a replay needs."""
        return {**{lane: self.recorded(lane) for lane in (*INPUTS, *AGGREGATES)}, "intents": self.intents}

    def aggregate(self, lane: str, count: int = 1, **fields: Any) -> None:
        """One record of the aggregation, or several alike; fields that are not given are zero."""
        record = np.zeros(count, lane_of(lane).record.dtype)
        for name, value in {"price_decimals": 2, "size_decimals": 5, **fields}.items():
            record[name] = value
        self.writer(lane).publish_bytes(record)

    def role(
        self, strategy: Strategy, number: int = NUMBER, *, groups: Sequence[Group] = (), accepted: int = NUMBER,
        cadence_ns: int = 0,
    ) -> StrategyRole:  # fmt: skip
        """A life of the strategy's role on these lanes; `accepted` is execution's cell for it."""
        opened = open_lanes(self.name, STRATEGY, NAME, self.owners)
        lanes = open_strategy_lanes(opened, accepted, reads_of(type(strategy)))
        self.opened.append(lanes)
        return StrategyRole(NAME, number, strategy, lanes, groups=groups, routes=self.places, cadence_ns=cadence_ns)

    def kill(self) -> None:
        """End every role's life at once, as SIGKILL would: the kernel frees the locks."""
        for lanes in self.opened:
            lanes.close()
        self.opened.clear()


LANES = (
    *AGGREGATES,
    "ticks",
    "books",
    "intents",
    "accepted",
    "verdicts",
    "orders",
    "fills",
    "positions",
    "beliefs",
    "parameters",
    "states",
    "commands",
    "steps",
)


@pytest.fixture
def system() -> Iterator[System]:
    """A system with a random name; removed at the end."""
    yield from running(System(f"test{secrets.token_hex(6)}"))


def running(made: System) -> Iterator[System]:
    """Make the lanes of a system, and remove them."""
    names = [name for name, lane, _ in lanes_of(made.owners) if lane.name in LANES]
    for name in names:
        create(made.name, name)
    made.accept(0)
    yield made
    made.kill()
    for writer in made.writers.values():
        writer.close()
    for name in names:
        shm.remove(f"{made.name}.{name}")


class Recorder(Strategy):
    """A strategy that notes the calls of its hooks and runs an action of the test."""

    def on_start(self) -> None:
        """Begin the list."""
        self.calls: list[Any] = ["start"]
        self.act: Callable[[Recorder], None] = lambda _: None
        self.act_on_print: Callable[[Recorder], None] = lambda _: None

    def on_book(self, book: Any) -> None:
        """Note the call, and act."""
        self.calls.append(("book", book.instrument.id, book.best_bid, book.best_ask))
        self.act(self)

    def on_book_bad(self, book: Any) -> None:
        """Note the call."""
        self.calls.append(("bad", book.instrument.id, book.state))

    def on_print(self, print_: Any) -> None:
        """Note the call."""
        self.calls.append(("print", print_.side, print_.size))
        self.act_on_print(self)

    def on_order(self, order: Any) -> None:
        """Note the call."""
        self.calls.append(("order", order.intent_id, order.state))

    def on_fill(self, fill: Any) -> None:
        """Note the call."""
        self.calls.append(("fill", fill.size, self.position(self.instruments[fill.instrument])))

    def on_refusal(self, verdict: Any) -> None:
        """Note the call."""
        self.calls.append(("refusal", verdict.intent_id, verdict.reason))

    def on_lane_full(self) -> None:
        """Note the call."""
        self.calls.append("full")

    def on_halt(self) -> None:
        """Note the call."""
        self.calls.append("halt")

    def on_resume(self) -> None:
        """Note the call."""
        self.calls.append("resume")


@pytest.fixture
def recorder() -> Recorder:
    """A fresh one on both instruments."""
    return Recorder((BTC, ETH), Strategy.Parameters())


def begin(role: StrategyRole, now_ns: int = 1_000) -> None:
    """Step a role through its recovery and its start."""
    role.step(now_ns)
    role.step(now_ns + 1)
