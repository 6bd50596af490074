"""What execution is given: lanes and ports, by the shape it uses them in, so that memory and chaos fit alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.model.words import HaltReason
from engine.venues.session import MakeSession


class Reader(Protocol):
    """A ring's reader: a row, None when there is no more, or the ring's report that it was lapped."""

    cursor: int

    @property
    def lag(self) -> int:
        """How many records wait."""

    def read(self) -> Any:
        """The next row."""

    def read_bytes(self) -> Any:
        """The next record as it lies in memory, where a row's objects are not worth making."""


class Writer(Protocol):
    """A ring's writer."""

    @property
    def cursor(self) -> int:
        """The next sequence."""

    def publish(self, *fields: Any) -> bool:
        """One record from its fields."""

    def publish_bytes(self, buffer: bytes) -> bool:
        """Whole records, all or none seen."""


class Appender(Protocol):
    """Where the blotter writes what must last."""

    def add(self, now_ns: int, kind: int, payload: bytes) -> None:
        """Put a record into the batch."""

    def commit(self, now_ns: int) -> None:
        """Make the batch lasting."""


class Told(Protocol):
    """Where the blotter tells what changed."""

    @property
    def orders(self) -> Writer:
        """Orders as they change."""

    @property
    def parents(self) -> Writer:
        """Parents as they change."""

    @property
    def fills(self) -> Writer:
        """Fills as they are taken in."""


class CellReader(Protocol):
    """Reads cells."""

    def read(self, index: int = 0, /) -> Any:
        """The cell's row, or None when it was never written."""

    def sequence(self, index: int, /) -> int:
        """How often the cell was written."""


class CellWriter(Protocol):
    """Writes cells."""

    def write(self, index: int, *fields: Any) -> None:
        """One cell from its fields."""

    def write_bytes(self, index: int, buffer: bytes) -> None:
        """One cell from its record's bytes."""


class OperatorPort(Protocol):
    """An operator's halt and the supervisor's silence, as execution sees them by itself."""

    signalled: bool

    @property
    def word_sequence(self) -> int:
        """How many writes of the operator's word were read."""

    def asked_by(self) -> str:
        """The way by which an operator asks for a halt now; empty when no operator does."""

    def silent_ns(self, now_ns: int) -> int:
        """How long the supervisor has not beaten."""


@dataclass(slots=True)
class ExecutionLanes:
    """Every lane of execution.

    `intents` is keyed by the strategy's number; `accepted` has one cell for each, in the order of the configuration,
    and `instrument_halts` one for each instrument.
    `journal_past` reads the journal's ring from its oldest record, `fills_past` the fills told by the life before.
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
    commands_life: int = 0  # which COMMANDS ring this is: a sequence means nothing in another
    closers: tuple[Any, ...] = ()  # whatever must be let go of at the end


def ask_nobody(reason: HaltReason, text: str) -> None:
    """Where there is no supervisor, execution's own halt is all there is."""


@dataclass(slots=True)
class ExecutionPorts:
    """The ways out of execution: the session at the venue, and the supervisor.

    `session` makes the session, from its times and from the listener of what it reports. `ask_halt` has the whole
    system halted, with the reason and what was found. `operator` is looked at for a halt that does not come by
    COMMANDS; None where no operator is.
    """

    session: MakeSession
    ask_halt: Callable[[HaltReason, str], None] = ask_nobody
    operator: OperatorPort | None = None
