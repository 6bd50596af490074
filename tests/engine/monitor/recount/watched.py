"""An execution in memory, and a monitor that reads its lanes and its journal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.execution.operator import Heartbeat
from engine.execution.orders import codec
from engine.lanes import EXECUTION, MONITOR
from engine.model.words import AlarmReason, RoleState
from engine.monitor.recount.account import Account
from engine.monitor.recount.balances import Balances
from engine.monitor.recount.build import open_watch_lanes
from engine.monitor.recount.counted import Counted
from engine.monitor.recount.kept import Kept
from engine.monitor.recount.limits import Limits
from engine.monitor.recount.margin import Margin
from engine.monitor.recount.prices import Prices
from engine.monitor.recount.role import Monitor
from engine.monitor.recount.silence import Silence
from engine.monitor.recount.store import Store
from engine.monitor.recount.watch import Subject, Watch
from engine.venues.margin import Bracket
from tests.engine.execution.memory import MS, SECOND, House, cells_of

ZEROS = (0,) * 8


class Watched:
    """A house under watch. Both roles beat, unless their beat is stopped."""

    def __init__(
        self, directory: Path, *, balance_interval_ns: int = 0, brackets: Mapping[int, Sequence[Bracket]] | None = None,
        house: Mapping[str, Any] | None = None, **risk: Any
    ) -> None:  # fmt: skip
        """A system that may trade; `brackets` of its derivatives, `house` what its execution has beyond the usual."""
        self.directory, self.risk = directory, risk
        self.margin = Margin(brackets or {})
        self.house = House(directory / "journal", balance_interval_ns=balance_interval_ns, **(house or {}))
        self.monitor_beats = cells_of("heartbeat")
        self.house.monitor = Heartbeat(self.monitor_beats)
        self.beats = self.house.memory.cells["heartbeat.execution"]
        self.execution_lives = self.monitor_lives = True
        self.published: dict[str, int] = {}  # what execution publishes falsely of the account's position in BTC
        self.house.restart()
        self.live()
        self.run(300)
        self.house.ready()
        self.run(5)

    def live(self) -> None:
        """Begin a life of the monitor."""
        lanes: Any = self.house.memory.open_lanes(MONITOR)
        both, cells = self.house.config.instruments, lanes.cell_reader("balances", EXECUTION)
        self.store = Store(self.directory / "monitor.json")
        kept = self.store.read().get(EXECUTION, Kept())
        prices = Prices(both, self.risk, [cells for _, cells in lanes.cell_readers("book_tops")])
        limits = Limits(self.risk, lanes.ring_reader("commands"))
        self.watch = Watch(
            Subject(EXECUTION, self.directory / "journal", both, tuple(self.house.config.strategies)),
            open_watch_lanes(lanes, EXECUTION), Balances(both, cells, cells.count),
            Account(1, limits, lanes.cell_reader("gate", EXECUTION), prices, self.margin, kept), prices,
            Silence(EXECUTION, lanes.cell_reader("heartbeat", EXECUTION), SECOND),
            Counted(self.directory / "monitor.1.json", self.directory / "journal", both), SECOND,
        )  # fmt: skip
        self.role = Monitor([self.watch], prices, limits, self.store, 100 * MS, lambda: None)

    def restart(self) -> None:
        """A further life of execution, whose reader of DISAGREEMENTS begins at the end, as in shared memory."""
        self.house.restart()
        lane = self.house.role._monitor._lane
        lane.cursor = lane.end
        self.house.ready()

    def run(self, steps: int = 1, each_ns: int = 10 * MS) -> None:
        """Let time pass for both."""
        for _ in range(steps):
            if self.execution_lives:
                self.beats.write(0, *self._beat())
                self.house.run(1, each_ns)
            else:
                self.house.now_ns += each_ns
            if self.published:
                self._falsify()
            if self.monitor_lives:
                self.monitor_beats.write(0, *self._beat())
                self.role.step(self.house.now_ns)

    def show(self, bid: int, ask: int, instrument: int = 1) -> None:
        """A top of book, in the feed's lane and in its cell."""
        self.house.book(bid, ask, instrument)
        row = self.house.rings["books"].rows[-1]
        self.house.memory.cells["book_tops.feed"].write(instrument - 1, *row)

    def fill(self, size: int = 1000, **more: Any) -> None:
        """A buy that the venue fills at once."""
        self.show(6_000_000, 6_000_100)
        order = self.house.place(size=size, **more)
        self.house.venue.fill(order.client_id.hex(), size)
        self.run(5)

    def halted(self) -> dict[int, str]:
        """What the monitor's halts give as their reason, by instrument."""
        halts = self.house.role.alarm.instruments
        return {one: halt.text for one, halt in halts.items() if halt.reason == AlarmReason.MONITOR_DIFFERS}

    def view(self) -> Any:
        """The monitor's account."""
        return self.house.memory.cells["monitored_account.execution"].read(0)

    def _falsify(self) -> None:
        """What a bug in execution would publish: it comes after the right record, and before the monitor reads."""
        cells = self.house.cells["positions"]
        cells.write_bytes(0, codec.POSITION.pack_row(cells.read(0)._replace(**self.published)))

    def _beat(self) -> tuple[int, ...]:
        return (self.house.now_ns, self.house.now_ns, 0, 0, 0, 1, int(RoleState.RUNNING), 0, 0, 0)
