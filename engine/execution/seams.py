"""The lanes and ports of execution as protocols: shared memory, private memory and the chaos world provide them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.lanes.ports import CellReader
from engine.model.words import HaltReason
from engine.venues.session import MakeSession


class Reader(Protocol):
    """A ring's reader: gives a row, None when no record waits, or the ring's report that the reader was lapped."""

    cursor: int

    @property
    def lag(self) -> int:
        """The number of records that wait."""

    def read(self) -> Any:
        """The next row."""

    def read_bytes(self) -> Any:
        """The next record as bytes, for a caller that needs no row."""


class Writer(Protocol):
    """A ring's writer."""

    @property
    def cursor(self) -> int:
        """The sequence of the next record."""

    def publish(self, *fields: Any) -> bool:
        """Publish one record from its fields."""

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
    def orders(self) -> Writer:
        """Orders as they change."""

    @property
    def parents(self) -> Writer:
        """Parents as they change."""

    @property
    def fills(self) -> Writer:
        """Fills as they are applied."""


class CellWriter(Protocol):
    """Writes cells."""

    def write(self, index: int, *fields: Any) -> None:
        """Write one cell from its fields."""

    def write_bytes(self, index: int, buffer: bytes) -> None:
        """Write one cell from its record's bytes."""


class OperatorPort(Protocol):
    """An operator's halt and the supervisor's silence, which execution observes without the supervisor."""

    signalled: bool

    @property
    def word_sequence(self) -> int:
        """The number of writes of the operator's cell that were read."""

    def asked_by(self) -> str:
        """The way by which an operator asks for a halt now; empty when no operator does."""

    def silent_ns(self, now_ns: int) -> int:
        """The time since the supervisor's last heartbeat."""


@dataclass(slots=True)
class ExecutionLanes:
    """Every lane of execution.

    `intents` is keyed by the strategy's number; `accepted` has one cell for each, in the order of the configuration,
    and `instrument_halts` one for each instrument.
    `journal_past` reads the journal's ring from its oldest record, `fills_past` the fills that the last life published.
    """

    books: Reader
    commands: Reader
    intents: Mapping[int, Reader]
    halt: CellReader
    journal_past: Reader
    fills_past: Reader
    journal: Writer
    verdicts: Writer
    orders: Writer
    parents: Writer
    fills: Writer
    steps: Writer
    positions: CellWriter
    accepted: CellWriter
    gate: CellWriter
    sessions: CellWriter
    instrument_halts: CellWriter
    commands_life: int = 0  # which COMMANDS ring this is: a sequence of one ring means nothing in another
    closers: tuple[Any, ...] = ()  # closed at the end


def no_supervisor(reason: HaltReason, text: str) -> None:
    """Do nothing, in a system without a supervisor: execution's own halt is in force."""


@dataclass(slots=True)
class ExecutionPorts:
    """The ways out of execution: the session at the venue, and the supervisor.

    `session` makes the session, from its times and from the listener for its reports. `ask_halt` asks the supervisor
    to halt the whole system, with the reason and the finding. `operator` is polled for a halt that does not come by
    COMMANDS; None in a system without an operator.
    """

    session: MakeSession
    ask_halt: Callable[[HaltReason, str], None] = no_supervisor
    operator: OperatorPort | None = None
