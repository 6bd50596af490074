"""The role around a strategy: reads the lanes in a fixed order, calls the hooks, publishes intents and STEPS.

A step, in this order, each part bounded (`READ_LIMIT` records a lane):

1. COMMANDS   halt, resume and drain, if they mean this strategy or all
2. VERDICTS, ORDERS, FILLS are read, in this order: fills last, so that what an order says it filled is there;
   then told: refusals, fills (into the position first), changes of orders
3. TICKS      prints, only for a strategy that asks for them
4. BOOKS      the whole batch is read, but the hook is called once an instrument, with the newest
5. the timer

The first step of a life only recovers (see `recovery`), the second is `on_start`. A working step ends with one STEP
record: time, cursors, own intents cursor, and which inputs were lapped. That is all a replay needs (`engine.replay`).

Lapped by BOOKS: read on to the newest, show of each instrument the newest among the last `CATCH_UP`. By TICKS: the lost
prints are lost and counted, and the step shows no more of them. By COMMANDS: go on, execution holds the halt. By
VERDICTS, ORDERS or FILLS: the position is learnt anew, the orders are forgotten and cancelled.
A full intents lane refuses: `emit` gives None from there to the end of the step, and `on_lane_full` tells it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shm
from engine.lanes import BY_NAME
from engine.model.records import STEP_LANES
from engine.model.words import CommandKind, FillFlag, IntentKind, TickKind
from engine.strategy.lanes import INPUTS, MARK_DRAIN, MARK_FULL, LaneReader, StrategyLanes
from engine.strategy.ledger import Ledger
from engine.strategy.recovery import COUNT_BITS, fold, recover_count, recover_orders, recover_positions
from engine.strategy.strategy import TTL_NS, Strategy

READ_LIMIT = 64
WAIT_LIMIT_NS = 1_000_000
FILLS_LIMIT = 256  # one order that sweeps a book has many fills
CATCH_UP = 1024
BEFORE_RECOVERY, BEFORE_START, RUNNING = 0, 1, 2
TICKS, BOOKS, VERDICTS, ORDERS, FILLS, COMMANDS = range(len(INPUTS))
OURSELVES = 1 << VERDICTS | 1 << ORDERS | 1 << FILLS
NOTHING: Sequence[Any] = ()
PRINT = TickKind.PRINT
INTENT_ROW, BOOKS_CAPACITY = BY_NAME["intents"].record.row, BY_NAME["books"].capacity
NO_CELLS = (0,) * 2
NO_CURSORS = (0,) * (STEP_LANES - len(INPUTS) - 1)
SPARE = (0,) * 4


@dataclass(slots=True)
class Counts:
    """What a looker-on may want to know of a role's life."""

    steps: int = 0
    intents: int = 0
    intents_refused_full: int = 0
    laps: int = 0
    recoveries: int = 0


class StrategyRole:
    """One strategy, advanced by `step`. The only clock is the step's time."""

    def __init__(
        self, name: str, number: int, strategy: Strategy, lanes: StrategyLanes, *, clock_offset_ns: int = 0
    ) -> None:
        """Take a strategy, its number (never 0: that is the account) and its lanes."""
        if not 0 < number < 1 << 24:
            msg = f"strategy {name!r}: number must be in 1..2^24-1, was {number}"
            raise ValueError(msg)
        self.name = name
        self.counts = Counts()
        self._number = number
        self._strategy = strategy
        self._lanes = lanes
        self._clock_offset_ns = clock_offset_ns
        self._inputs: tuple[LaneReader, ...] = tuple(getattr(lanes, lane) for lane in INPUTS)
        self.ledger = Ledger(number, strategy.instruments)
        self._phase = BEFORE_RECOVERY
        self._count = 0
        self._timer_ns = 0  # when the timer is due
        self._lapped = 0
        self._full = False
        self._cancel_everything = False
        self._tick_sequence = self._receive_ns = 0  # of the event being acted on
        self._good: set[int] = set()  # instruments whose book was good when last shown
        strategy.bind(self, self.ledger)

    def step(self, now_ns: int) -> int:
        """Read what is there, let the strategy decide, record the step."""
        self._strategy.now_ns = now_ns
        self._full, self._lapped = False, 0
        if self._phase == RUNNING:
            work = self._cancel_what_is_unknown() + self._commands() + self._ourselves()
            work += self._prints() + self._books() + self._timer(now_ns)
        else:
            work = self._begin(now_ns)
        if work or self._lapped:
            self._end(now_ns, work)
        return work

    def drain(self, now_ns: int) -> bool:
        """Take nothing new and have everything working cancelled; True when nothing works."""
        if self._phase != RUNNING:
            return True
        if self._strategy.draining:
            self.step(now_ns)
        else:
            self._strategy.now_ns, self._full, self._lapped = now_ns, False, 0
            self._stop()
            self._end(now_ns, 1, MARK_DRAIN)
        return self._strategy.draining and not self.ledger.working

    def wait(self, timeout_ns: int) -> bool:
        """Sleep until a book comes; not for long, because orders and fills come by other lanes."""
        return self._lanes.books.wait(min(timeout_ns, WAIT_LIMIT_NS))

    def close(self) -> None:
        """Let go of the lanes."""
        self._lanes.close()

    def emit(
        self,
        kind: IntentKind,
        instrument: int,
        *,
        target_id: int = 0,
        side: int = 0,
        size: int = 0,
        price: int = 0,
        order_type: int = 0,
        time_in_force: int = 0,
        ttl_ns: int = TTL_NS,
        timeout_ns: int = 0,
        signal: float = 0.0,
    ) -> int | None:
        """Publish an intent; its id, or None when the lane is full."""
        intent_id = self._number << COUNT_BITS | (self._count + 1)
        fields = (
            intent_id, target_id, self._strategy.now_ns, ttl_ns, self._tick_sequence, self._receive_ns,
            price, size, timeout_ns, self._number, instrument, kind, side, order_type, time_in_force, 0, signal, SPARE,
        )  # fmt: skip
        if self._full or not self._lanes.intents.publish(*fields):
            self._full = True
            self.counts.intents_refused_full += 1
            return None
        self._count += 1
        self.counts.intents += 1
        self.ledger.intend(INTENT_ROW(*fields))
        return intent_id

    # The parts of a step, in its order.

    def _begin(self, now_ns: int) -> int:
        if self._phase == BEFORE_RECOVERY:
            self._count = recover_count(self._lanes, now_ns)
            self._recover()
            fold(self._lanes.commands, "commands", self._remember)
            self._phase = BEFORE_START
        else:
            self._phase = RUNNING
            self._timer_ns = now_ns + self._strategy.timer_ns
            self._cancel_what_is_unknown()
            self._strategy.on_start()
        return 1

    def _remember(self, row: Any) -> None:
        """Learn from an old command whether we may trade; its hook was called in an earlier life."""
        if row.strategy in (0, self._number):
            self._strategy.halted = row.kind == CommandKind.HALT or (
                self._strategy.halted and row.kind != CommandKind.RESUME
            )
            self._strategy.draining = row.kind == CommandKind.DRAIN or (
                self._strategy.draining and row.kind != CommandKind.RESUME
            )

    def _commands(self) -> int:
        rows = self._read(COMMANDS)
        for row in rows:
            if row.strategy in (0, self._number):
                self._obey(row.kind)
        return len(rows)

    def _obey(self, kind: int) -> None:
        strategy = self._strategy
        if kind == CommandKind.HALT and not strategy.halted:
            strategy.halted = True
            strategy.on_halt()
        elif kind == CommandKind.RESUME and (strategy.halted or strategy.draining):
            strategy.halted = strategy.draining = False
            strategy.on_resume()
        elif kind == CommandKind.DRAIN and not strategy.draining:
            self._stop()

    def _stop(self) -> None:
        """Wind the strategy down; when the lane had no room for it, the next drain says it again."""
        self._strategy.on_stop()
        self._strategy.draining = not self._full

    def _ourselves(self) -> int:
        """Hear what became of our intents; a lap there means to learn everything anew."""
        verdicts, orders, fills = self._read(VERDICTS), self._read(ORDERS), self._read(FILLS, FILLS_LIMIT)
        if self._lapped & OURSELVES:
            self._recover()
            return 1
        if not (verdicts or orders or fills):
            return 0
        number, strategy = self._number, self._strategy
        for row in verdicts:
            if row.strategy == number:
                self._judged(row)
        for row in fills:
            if row.strategy == number and self.ledger.fill(row) and not row.flags & FillFlag.OPENING:
                strategy.on_fill(row)
        for row in orders:
            if row.strategy == number:
                strategy.on_order(self.ledger.change(row))
        return len(verdicts) + len(orders) + len(fills)

    def _judged(self, row: Any) -> None:
        self.ledger.judge(row)
        if row.reason:
            self._strategy.on_refusal(row)

    def _prints(self) -> int:
        if not self._strategy.wants_prints:
            return 0
        rows = self._read(TICKS)
        first = self._lanes.ticks.cursor - len(rows)
        for behind, row in enumerate(rows, first + 1):
            if row.kind == PRINT and row.instrument in self._strategy.books:
                self._tick_sequence, self._receive_ns = behind, row.receive_ns
                self._strategy.on_print(row)
        self._tick_sequence = self._receive_ns = 0
        return len(rows)

    def _books(self) -> int:
        books, reader = self._strategy.books, self._lanes.books
        newest: dict[int, tuple[int, Any]] = {}
        limit, work = READ_LIMIT, 0
        while work < limit and (row := reader.read()) is not None:
            work += 1
            if isinstance(row, shm.Lapped):
                self._lap(BOOKS)
                limit = work + BOOKS_CAPACITY
            elif row.instrument in books:
                newest[row.instrument] = (reader.cursor, row)
        oldest = reader.cursor - CATCH_UP if self._lapped & 1 << BOOKS else 0
        for sequence, row in newest.values():
            if sequence > oldest:
                self._show(row)
        return min(work, READ_LIMIT)  # how far it was behind is no part of the decision, and of no STEP

    def _show(self, row: Any) -> None:
        book = self._strategy.books[row.instrument]
        book.take(row)
        self._tick_sequence, self._receive_ns = row.tick_sequence, row.receive_ns
        if book.good:
            self._good.add(row.instrument)
            if not self._strategy.halted and not self._strategy.draining:
                self._strategy.on_book(book)
        elif row.instrument in self._good:
            self._good.discard(row.instrument)
            self._strategy.on_book_bad(book)
        self._tick_sequence = self._receive_ns = 0

    def _timer(self, now_ns: int) -> int:
        interval_ns = self._strategy.timer_ns
        if not interval_ns or now_ns < self._timer_ns:
            return 0
        self._timer_ns = now_ns + interval_ns
        self._strategy.on_timer(now_ns)
        return 1

    # Reading, recovery, recording.

    def _read(self, index: int, limit: int = READ_LIMIT) -> Sequence[Any]:
        """Read up to `limit` rows of an input; a lap ends the reading of this step, and nothing is shown of it."""
        read = self._inputs[index].read
        row = read()
        if row is None:
            return NOTHING
        rows: list[Any] = []
        while row is not None:
            if isinstance(row, shm.Lapped):
                self._lap(index)
                return NOTHING
            rows.append(row)
            row = read() if len(rows) < limit else None
        return rows

    def _lap(self, index: int) -> None:
        self._lapped |= 1 << index
        self.counts.laps += 1

    def _recover(self) -> None:
        """Build the ledger anew from the lanes; what orders they cannot tell of any more is cancelled."""
        self.counts.recoveries += 1
        self.ledger = Ledger(self._number, self._strategy.instruments)
        self._strategy.bind(self, self.ledger)
        recover_positions(self._lanes, self.ledger)
        running = self._phase == RUNNING
        if running or not recover_orders(self._lanes, self.ledger):
            self._lapped |= 0 if running else 1 << ORDERS
            self._cancel_everything = True

    def _cancel_what_is_unknown(self) -> int:
        if not self._cancel_everything:
            return 0
        for instrument in self._strategy.instruments:
            self.emit(IntentKind.CANCEL_ALL, instrument)
        self._cancel_everything = self._full
        return 1

    def _end(self, now_ns: int, work: int, marks: int = 0) -> None:
        """Close a working step: tell of a full lane, then write down what a replay needs."""
        if self._full:
            marks |= MARK_FULL
            self._strategy.on_lane_full()
        self._lanes.steps.publish(
            now_ns,
            now_ns - self._clock_offset_ns,
            work,
            self._number,
            self.counts.steps,
            (*(reader.cursor for reader in self._inputs), self._lanes.intents.cursor, *NO_CURSORS),
            (self._lapped, marks, *NO_CELLS),
        )
        self.counts.steps += 1
