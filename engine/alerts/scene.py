"""What the causes are decided by: the cells and lanes of the system, the deaths, the machine, read once for a check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.alerts.answers import Answers
from engine.alerts.deaths import Death, DeathsFile
from engine.alerts.machine import Machine
from engine.alerts.orders import WaitingOrders
from engine.alerts.outbox import Outbox
from engine.alerts.processes import Process, Processes
from engine.alerts.routes import Routes
from engine.config import Config
from engine.config.accounts import accounts_of
from engine.lanes import SUPERVISOR
from engine.lanes.ports import CellReader, Lanes

MS = 1_000_000


class SceneLanes:
    """The lanes that alerts read, all as a looker."""

    def __init__(self, lanes: Lanes, config: Config) -> None:
        """Open them."""
        self.beats = {role: lanes.cell_reader("heartbeat", role) for role in (*config.role_names, SUPERVISOR)}
        self.halt, self.operator_halt = lanes.cell_reader("halt"), lanes.cell_reader("operator_halt")
        self.mode = lanes.cell_reader("mode")
        self.gates = dict(lanes.cell_readers("gate"))
        self.sessions = dict(lanes.cell_readers("sessions"))
        self.scope_halts = dict(lanes.cell_readers("scope_halts"))
        self.instrument_halts = dict(lanes.cell_readers("instrument_halts"))
        self.monitored = dict(lanes.cell_readers("monitored_account"))
        self.cancels = dict(lanes.cell_readers("cancels"))
        self.book_tops = dict(lanes.cell_readers("book_tops"))
        self.instruments = dict(lanes.cell_readers("instruments"))
        self.frames = dict(lanes.ring_readers("frames"))
        self.orders = dict(lanes.ring_readers("orders"))
        self.answered = dict(lanes.ring_readers("orders"))  # the same lanes, with cursors of their own
        self.routes = dict(lanes.ring_readers("route_orders")) if lanes.has("route_orders") else {}


@dataclass(frozen=True)
class Gap:
    """A time in which nothing was checked."""

    since_ns: int
    until_ns: int


@dataclass
class Scene:
    """The state of one check."""

    config: Config
    lanes: SceneLanes
    machine: Machine
    processes: Processes
    deaths_file: DeathsFile
    outbox: Outbox
    now_ns: int = 0
    deaths: list[Death] = field(default_factory=list)  # since the last check
    gap: Gap | None = None  # before this check
    guard_pid: int = 0
    clock_offset_ns: int | None = None  # wall clock minus our clock
    clock_step_ns: int = 0  # its change since the last check
    waiting: Mapping[str, WaitingOrders] = field(default_factory=dict)
    answers: Mapping[str, Answers] = field(default_factory=dict)
    routes: Mapping[str, Routes] = field(default_factory=dict)  # by router: there is one at most

    @classmethod
    def of(cls, config: Config, lanes: Lanes, machine: Machine, deaths: DeathsFile, outbox: Outbox) -> "Scene":
        """The scene of a system."""
        found = SceneLanes(lanes, config)
        beats = found.beats
        placed = [one for one in config.placement if one.roles]
        every = [Process(one.name, {role: beats[role] for role in one.roles}, machine) for one in placed]
        supervisor = Process(SUPERVISOR, {SUPERVISOR: beats[SUPERVISOR]}, machine)
        processes = Processes(every, supervisor, config.watch.late_ms * MS)
        waiting = {execution: WaitingOrders(orders) for execution, orders in found.orders.items()}
        answers = {execution: Answers(orders) for execution, orders in found.answered.items()}
        routes = {router: Routes(orders) for router, orders in found.routes.items()}
        return cls(config, found, machine, processes, deaths, outbox, waiting=waiting, answers=answers, routes=routes)

    def update(self, now_ns: int, gap: Gap | None) -> None:
        """Read everything that a check needs."""
        self.now_ns, self.gap = now_ns, gap
        self.deaths = self.processes.update(self.deaths_file.read(), now_ns)
        self.guard_pid = self.machine.guard(self.config.paths.guard_lock)
        offset_ns = self.machine.wall_ns() - now_ns
        self.clock_step_ns = 0 if self.clock_offset_ns is None else offset_ns - self.clock_offset_ns
        self.clock_offset_ns = offset_ns
        for orders in self.waiting.values():
            orders.update()
        for answers in self.answers.values():
            answers.update()
        for routes in self.routes.values():
            routes.update()

    @property
    def limits(self) -> Any:
        """The table [alerts]."""
        return self.config.alerts

    @property
    def watched(self) -> Iterator[Process]:
        """Each process with roles, without the supervisor."""
        return (one for one in self.processes.all if one is not self.processes.supervisor)

    def instrument(self, number: int) -> str:
        """An instrument as an operator names it."""
        found = next((one for one in self.config.instruments if one.id == number), None)
        return f"{found.venue}:{found.symbol}" if found is not None else f"instrument {number}"

    def strategy(self, number: int) -> str:
        """A strategy as an operator names it."""
        return next((one.name for one in self.config.strategies if one.id == number), f"strategy {number}")

    def disks(self) -> Mapping[str, Path]:
        """The places that the system writes to: the state directory, and each journal outside of it."""
        state, trading = self.config.paths.state, set(self.config.execution_names) & set(self.config.role_names)
        journals = {f"journal of {one.role}": one.journal for one in accounts_of(self.config)} if trading else {}
        return {"state": state, **{name: path for name, path in journals.items() if path.parent != state}}


def rows(cells: CellReader, count: int) -> Iterator[Any]:
    """The cells that were written."""
    return (row for index in range(count) if (row := cells.read(index)) is not None)
