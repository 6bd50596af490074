"""A canceller over lanes in memory, an execution and a venue on paper, and time made up."""

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from engine.activity import Activity
from engine.canceller.build import open_canceller_lanes
from engine.canceller.config import MS, CancellerConfig
from engine.canceller.role import Canceller
from engine.lanes import CANCELLER, EXECUTION, SUPERVISOR, Owners
from engine.lanes.memory import MemorySystem
from engine.model.records import HALT, HEARTBEAT, MONITORED_ACCOUNT, ORDER, SESSION
from engine.model.rows import CancellingRow, ListedRow
from engine.model.words import BUY, HaltReason, OrderState, RoleState, SessionState
from engine.venues.cancelling import CancelListener, OpenOrder
from engine.venues.trading.clock import VenueClock
from engine.venues.wire.options import Interest

START_NS = 1_700_000_000_000_000_000
MARK = b"\xaa\xbb\xcc\xdd\xee\xff"
CONFIG = CancellerConfig()
WINDOW_NS = 5_000 * MS
LATENCY_NS = 2 * MS  # to the venue and back
STEP_NS = 2 * MS
BEAT_NS = CONFIG.beat_ns


class PaperVenue:
    """The account's open orders at the venue."""

    def __init__(self) -> None:
        """None is open."""
        self.orders: dict[bytes, OpenOrder] = {}
        self.cancelled: list[bytes] = []  # ids of the venue, in order
        self.answers = True
        self._numbers = count(1)

    def place(self, now_ns: int, client_id: bytes = MARK + bytes(10), symbol: str = "BTCUSDT") -> bytes:
        """An order is accepted; the venue's id of it."""
        number = str(next(self._numbers)).encode()
        self.orders[number] = OpenOrder(symbol, client_id, number, BUY, now_ns // MS * MS)
        return number

    def cancel(self, number: bytes) -> None:
        """Cancel one order, if it is open."""
        if self.orders.pop(number, None) is not None:
            self.cancelled.append(number)


class Sent(NamedTuple):
    """A request on its way: the venue acts at once, its answer arrives later."""

    due_ns: int
    kind: str
    order: OpenOrder | None
    listed: list[OpenOrder]
    sent_ns: int


class PaperSession:
    """The seam's session with the venue on paper."""

    def __init__(self, venue: PaperVenue, listener: CancelListener) -> None:
        """Nothing is under way."""
        self.venue, self.listener = venue, listener
        self.clock = VenueClock()
        self.receive_window_ns = WINDOW_NS
        self.answered_ns = self.sent = 0
        self.error = ""
        self.cancels_ns: list[int] = []  # when each cancel was sent
        self.lists_ns: list[int] = []
        self._way: list[Sent] = []

    @property
    def waiting(self) -> int:
        """Cancels that are under way."""
        return sum(one.kind == "cancel" for one in self._way)

    def step(self, now_ns: int) -> int:
        """Deliver the answers that are due."""
        due = [one for one in self._way if one.due_ns <= now_ns] if self.venue.answers else []
        self._way = [one for one in self._way if one not in due]
        for one in due:
            self.answered_ns = now_ns
            if one.order is None:
                self.listener.on_listing(one.listed, one.sent_ns, now_ns)
            else:
                self.listener.on_ended(one.order, now_ns)
        return len(due)

    def list_orders(self, now_ns: int) -> None:
        """The listing shows what is open now."""
        self.lists_ns.append(now_ns)
        self._way.append(Sent(now_ns + LATENCY_NS, "list", None, list(self.venue.orders.values()), now_ns))

    def cancel(self, order: OpenOrder, now_ns: int) -> None:
        """The venue cancels at once."""
        self._cancel(order, [order.venue_order_id], now_ns)

    def cancel_symbol(self, order: OpenOrder, now_ns: int) -> None:
        """The venue cancels every order of the symbol."""
        meant = [number for number, one in self.venue.orders.items() if one.symbol == order.symbol]
        self._cancel(order, meant, now_ns)

    def _cancel(self, order: OpenOrder, numbers: list[bytes], now_ns: int) -> None:
        self.sent += 1
        self.cancels_ns.append(now_ns)
        self._way.append(Sent(now_ns + LATENCY_NS, "cancel", order, [], now_ns))
        for number in numbers if self.venue.answers else []:
            self.venue.cancel(number)

    def forget(self) -> None:
        """Nothing waits here."""

    def interests(self) -> list[Interest]:
        """No descriptor."""
        return []

    def close(self) -> None:
        """Nothing to close."""


class PaperProcesses:
    """Which pids live, and what each does."""

    def __init__(self) -> None:
        """None lives."""
        self.living: set[int] = set()
        self.state, self.ran_ns, self.waited_ns = "S", 0, 0

    def lives(self, pid: int) -> bool:
        """Whether it lives."""
        return pid in self.living

    def activity(self, pid: int) -> Activity | None:
        """What it does."""
        return Activity(self.state, self.ran_ns, self.waited_ns) if pid in self.living else None


class Bench:
    """The canceller, and what it sees."""

    def __init__(self, config: CancellerConfig = CONFIG, mark: Callable[[], bytes] = lambda: MARK) -> None:
        """No execution has lived; the canceller watches."""
        self.config, self.mark_of = config, mark
        self.now_ns = START_NS
        self.memory = MemorySystem(Owners((), (EXECUTION, CANCELLER)))
        execution = self.memory.open_lanes(EXECUTION, EXECUTION)
        self._beats, self._sessions = execution.cell_writer("heartbeat"), execution.cell_writer("sessions")
        self._orders = execution.ring_writer("orders")
        self._halt = self.memory.open_lanes(SUPERVISOR, SUPERVISOR).cell_writer("halt")
        self.venue, self.processes = PaperVenue(), PaperProcesses()
        self.pid = self.start_ns = self.beat_ns = 0
        self.beats = False
        self.canceller = self.make()

    def make(self) -> Canceller:
        """Another life of the canceller, on the same lanes and the same venue."""
        lanes = open_canceller_lanes(self.memory.open_lanes(CANCELLER, CANCELLER), EXECUTION)
        return Canceller(
            CANCELLER, self.config, lanes, lambda listener: PaperSession(self.venue, listener), self.processes,
            self.mark_of, self.now_ns,
        )  # fmt: skip

    @property
    def session(self) -> PaperSession:
        """Of the canceller."""
        assert isinstance(self.canceller.session, PaperSession)
        return self.canceller.session

    def start(self, *, ready: bool = True) -> None:
        """An execution starts; with `ready` it runs and has asked the venue about everything."""
        self.pid += 1
        self.processes.living.add(self.pid)
        self.start_ns = self.now_ns
        self.beat(RoleState.STARTING)
        if ready:
            self.run()

    def run(self) -> None:
        """It runs, and looks after its orders."""
        self._sessions.write(0, *_row(SESSION, now_ns=self.now_ns, state=SessionState.READY))
        self.beats = True
        self.beat()

    def beat(self, state: RoleState = RoleState.RUNNING) -> None:
        """One beat."""
        self.beat_ns = self.now_ns
        self._beats.write(0, *_row(HEARTBEAT, wall_ns=self.now_ns, start_ns=self.start_ns, pid=self.pid, state=state))

    def kill(self) -> None:
        """SIGKILL to execution."""
        self.processes.living.discard(self.pid)
        self.beats = False

    def end(self) -> None:
        """It drains and ends by itself."""
        self.beat(RoleState.STOPPED)
        self.kill()

    def order(self, state: OrderState) -> None:
        """Execution's own record of an order."""
        self._orders.publish(*_row(ORDER, client_id=MARK + bytes(10), state=state))

    def flatten(self) -> None:
        """The operator closes every position."""
        self._halt.write(0, *_row(HALT, halted=1, since_ns=self.now_ns, reason=HaltReason.FLATTEN))

    def find_silent(self, since_ns: int) -> None:
        """The monitor has seen no heartbeat of execution since then; 0: it sees them."""
        cells = self.memory.cells[f"monitored_account.{EXECUTION}"]
        cells.write(0, *_row(MONITORED_ACCOUNT, execution_silent_ns=since_ns))

    def step(self, ms: int, act: Callable[[], object] | None = None) -> None:
        """Let time pass; execution beats, and the canceller steps every two milliseconds."""
        for _ in range(ms * MS // STEP_NS):
            self.now_ns += STEP_NS
            if self.beats and self.now_ns - self.beat_ns >= BEAT_NS:
                self.beat()
            (act or self.live)()

    def live(self) -> None:
        """One step of the canceller."""
        self.canceller.step(self.now_ns)

    def drain(self, ms: int) -> bool:
        """Ask the canceller to end; whether it did in this time."""
        for _ in range(ms * MS // STEP_NS):
            self.now_ns += STEP_NS
            if self.canceller.drain(self.now_ns):
                return True
        return False

    @property
    def cell(self) -> CancellingRow:
        """What the canceller publishes."""
        row: CancellingRow = self.memory.cells[f"cancels.{EXECUTION}"].read(0)
        return row

    @property
    def listed(self) -> list[ListedRow]:
        """The orders that it publishes of the newest listing."""
        cells = self.memory.cells[f"listed.{EXECUTION}"]
        rows = [cells.read(index) for index in range(cells.count)]
        return [row for row in rows if row is not None and row.listed_ns == self.cell.listed_ns]


def _row(record: object, **values: object) -> tuple[object, ...]:
    fields = record.fields  # type: ignore[attr-defined]
    return tuple(
        values.get(one.name, b"" if one.code == "S" else (0,) * one.count if one.count > 1 else 0) for one in fields
    )
