"""What execution needs from outside (its lanes, its ports), and what its parts need of the journal and of a lane."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.lanes.ports import CellReader, CellWriter, RingReader, RingWriter
from engine.model.rows import HaltRow
from engine.model.words import HaltReason
from engine.venues.session import MakeSession


class Publisher(Protocol):
    """What the blotter needs of a ring's writer: a replay has no lane and gives it one that refuses."""

    def publish_bytes(self, buffer: bytes) -> bool:
        """Publish whole records: a reader sees all of them or none."""


class Appender(Protocol):
    """The journal, to which the blotter writes."""

    def add(self, now_ns: int, kind: int, payload: bytes) -> None:
        """Put a record into the batch."""

    def commit(self, now_ns: int) -> None:
        """Write the batch."""


class OrderLanes(Protocol):
    """The lanes on which the blotter publishes changes."""

    @property
    def orders(self) -> Publisher:
        """Orders as they change."""

    @property
    def parents(self) -> Publisher:
        """Parents as they change."""

    @property
    def fills(self) -> Publisher:
        """Fills as they are applied."""


class Beating(Protocol):
    """Another role's heartbeat."""

    @property
    def changed(self) -> bool:
        """Whether there has been one since the first poll."""

    def silent_ns(self, now_ns: int) -> int:
        """The time since its last heartbeat."""


class OperatorPort(Protocol):
    """An operator's halt and the supervisor's silence, which execution observes without the supervisor."""

    signalled: bool

    @property
    def word_sequence(self) -> int:
        """The number of writes of the operator's cell that were read."""

    @property
    def cell(self) -> CellReader | None:
        """The operator's cell; None without an operator."""

    @property
    def word(self) -> HaltRow | None:
        """The operator's cell as the last poll found it, when it halts."""

    def asked_by(self) -> str:
        """The way by which an operator asks for a halt now; empty when no operator does."""

    def silent_ns(self, now_ns: int) -> int:
        """The time since the supervisor's last heartbeat."""


@dataclass(slots=True)
class ExecutionLanes:
    """Every lane of execution.

    `intents` is keyed by the strategy's number, in the order of the configuration, with the router's lane as ROUTED at
    the end, in a system that has a router; `accepted` has one cell for each,
    and `instrument_halts` one for each instrument.
    `books` and `ticks` have those of each feed, in the configuration's order; ticks are read only while an algorithm
    counts their prints.
    `journal_past` reads the journal's ring from its oldest record, `fills_past` the fills that the last life published.
    """

    books: tuple[RingReader, ...]
    ticks: tuple[RingReader, ...]
    commands: RingReader
    intents: Mapping[int, RingReader]
    halt: CellReader
    journal_past: RingReader
    fills_past: RingReader
    journal: RingWriter
    verdicts: RingWriter
    orders: RingWriter
    parents: RingWriter
    fills: RingWriter
    steps: RingWriter
    positions: CellWriter
    accepted: CellWriter
    gate: CellWriter
    sessions: CellWriter
    instrument_halts: CellWriter
    limits: CellWriter
    scope_halts: CellWriter
    balances: CellWriter
    reconciliations: RingWriter
    disagreements: RingReader
    budget: CellReader | None = None  # this and the next: of a system with budgets
    budgeted: CellWriter | None = None
    commands_life: int = 0  # which COMMANDS ring this is: a sequence of one ring means nothing in another
    closers: tuple[Any, ...] = ()  # closed at the end


def no_supervisor(reason: HaltReason, text: str) -> None:
    """Do nothing, in a system without a supervisor: execution's own halt is in force."""


@dataclass(slots=True)
class ExecutionPorts:
    """The ways out of execution: the session at the venue, and the supervisor.

    `session` makes the session, from its times and from the listener for its reports. `ask_halt` asks the supervisor
    to halt the whole system, with the reason and the finding. `operator` is polled for a halt that does not come by
    COMMANDS; None in a system without an operator. `monitor` is its heartbeat; None in a system without a monitor.
    """

    session: MakeSession
    ask_halt: Callable[[HaltReason, str], None] = no_supervisor
    operator: OperatorPort | None = None
    monitor: Beating | None = None
