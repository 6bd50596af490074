"""The canceller, the role: watches one execution in shared memory, and cancels in its place.

    execution dead for `dead_ms`, frozen for `late_ms`, FLATTEN, the system goes down ─▶ a sweep (`sweep.py`)
    execution runs and its session is READY                                           ─▶ no cancel any more

One step: 1. read the venue's answers, 2. look at execution, 3. begin, continue or end a sweep, 4. publish what it does.

It needs no supervisor and no execution, writes no journal, and has nothing of the session that places orders. All that
it must know is at the venue and in shared memory, so a canceller that starts after a kill continues where the killed
one stopped. Two cancellers of one account only cancel twice, which is the same as once.

When half of `late_ms` has passed without a beat, or when the monitor finds execution silent, it asks for a listing in
advance: if execution is frozen, the cancels leave at once.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from engine.canceller.config import CancellerConfig
from engine.canceller.process import ProcessPort
from engine.canceller.report import Report
from engine.canceller.sweep import LATE_NS, Bounds, Sweep
from engine.canceller.vitals import Vital, Vitals
from engine.lanes.ports import CellReader, CellWriter, RingReader
from engine.model import client_id
from engine.model.words import CancellerState, CancelReason, HaltReason
from engine.unfinished import unfinished
from engine.venues.cancelling import MakeCancelSession, OpenOrder
from engine.venues.wire.waiter import Waiter

SECOND_NS = 1_000_000_000
ADVANCE_NS = 10 * SECOND_NS  # between two listings in advance: a late beat is not rare, a listing is expensive
FRESH_NS = SECOND_NS // 2  # a listing in advance is used while it is not older
HURRIED_NS = 1_000_000  # the longest wait while a beat is late
SILENT_NS = 3 * SECOND_NS  # a venue that does not answer for so long is not waited for, where no order can be open

logger = logging.getLogger("engine.canceller")


class Closer(Protocol):
    """What is closed with the role."""

    def close(self) -> None:
        """Close."""


class CancellerLanes(NamedTuple):
    """The lanes of one canceller."""

    beats: CellReader
    sessions: CellReader
    orders: RingReader
    halts: tuple[CellReader, CellReader]  # the supervisor's and the operator's
    monitored: CellReader
    cancels: CellWriter
    listed: CellWriter
    closers: tuple[Closer, ...] = ()


class Listing(NamedTuple):
    """A listing that no sweep asked for."""

    orders: list[OpenOrder]
    asked_ns: int


NOTHING = Listing([], 0)


class Canceller:
    """The role. `mark_of` returns the mark of the account's orders; empty while the account has none."""

    def __init__(
        self,
        name: str,
        config: CancellerConfig,
        lanes: CancellerLanes,
        session: MakeCancelSession,
        process: ProcessPort,
        mark_of: Callable[[], bytes],
        now_ns: int,
    ) -> None:
        """Watch; nothing is asked yet."""
        self.name = name
        self.session = session(self)
        self.vitals = Vitals(config, lanes.beats, lanes.sessions, process, now_ns)
        self.sweep: Sweep | None = None
        self._config, self._lanes, self._mark_of = config, lanes, mark_of
        self._report = Report(lanes.cancels, lanes.listed)
        self._waiter: Waiter | None = None  # made by the first wait
        self._listing = NOTHING
        self._hurried = False  # a beat is late
        self._open_by_records = (-1, 0)  # the end of the lane when it was read, and how many orders were open then
        self._silent_ns = 0  # since when execution is silent, by the monitor
        self._advance_ns = 0  # a listing in advance is asked for from then on
        self._ended = self._errors = 0
        self._drain_ns = 0  # since when the system goes down
        self._swept_ns = 0  # `vitals.able_ns` when the last sweep became clean
        self._flatten = (0, 0)  # sequences of the halt cells when they were last read
        self._flatten_ns = 0  # since when the operator closes every position; 0: not
        self._swept_flatten_ns = 0

    def step(self, now_ns: int) -> int:
        """Do the work that is due; how many answers arrived."""
        answers = self.session.step(now_ns)
        self._decide(now_ns)
        self._advance(now_ns)
        if self.sweep is not None:
            self.sweep.step(now_ns)
        self._publish(now_ns)
        return answers

    def lag(self) -> int:
        """Return 0: it reads only cells."""
        return 0

    def error_count(self) -> int:
        """How many requests the venue refused or did not answer."""
        return self._errors

    def drain(self, now_ns: int) -> bool:
        """Cancel what an ended execution left; True when nothing can be open, or execution still looks after it."""
        self._drain_ns, self.vitals.doubted = self._drain_ns or now_ns, True
        self.step(now_ns)
        if self.vitals.attended or self.sweep is None or self.sweep.clean:
            return True
        return self._is_pointless(now_ns)

    def wait(self, timeout_ns: int) -> bool:
        """Wait for an answer; the process calls this when there is nothing to do."""
        self._waiter = self._waiter or Waiter([self.session])
        return self._waiter.wait(min(timeout_ns, HURRIED_NS) if self._hurried else timeout_ns)

    def close(self) -> None:
        """Publish how it ends; close the connections and the lanes."""
        if self.sweep is not None and not self.sweep.clean:
            self._report.set(CancellerState.GAVE_UP, self._report.reason, self._drain_ns)
            self._publish(self._drain_ns)
            level = logging.WARNING if self._ended_clean and not self._report.open else logging.CRITICAL
            of = {"open": self._report.open, "error": self.session.error}
            logger.log(level, "the venue did not confirm that no order is open: look there", extra=of)
        if self._waiter is not None:
            self._waiter.close()
        self.session.close()
        for closer in self._lanes.closers:
            closer.close()

    # What the venue answers.

    def on_listing(self, orders: list[OpenOrder], asked_ns: int, now_ns: int) -> None:
        """Look at execution again, then cancel: it may have started while the listing was on its way."""
        mark = self._mark_of()
        ours = [one for one in orders if mark and client_id.is_ours(mark, one.client_id)]
        self._report.list(ours, len(orders) - len(ours), asked_ns)
        self._listing = Listing(orders, asked_ns)
        self._decide(now_ns)
        if self.sweep is not None and not self.sweep.clean:
            self._read_listing(self.sweep, now_ns)

    def on_ended(self, order: OpenOrder, now_ns: int) -> None:
        """Count the order; the next listing proves it."""
        self._ended += 1
        self._on_answer(order, now_ns)

    def on_refused(self, order: OpenOrder | None, text: str, now_ns: int) -> None:  # noqa: ARG002 - the session logs it
        """Count the failure; the next listing shows what is open."""
        self._errors += 1
        if order is not None:
            self._on_answer(order, now_ns)

    def _on_answer(self, order: OpenOrder, now_ns: int) -> None:
        if self.sweep is not None:
            self.sweep.on_answer(order, now_ns)

    def _read_listing(self, sweep: Sweep, now_ns: int) -> None:
        """Give the listing to the sweep; log the end of it."""
        sweep.on_listing(self._listing.orders, self._listing.asked_ns, now_ns)
        if sweep.clean:
            self._swept_ns, self._swept_flatten_ns = self.vitals.able_ns, self._flatten_ns
            ended = {_shown(one): symbol for one, symbol in sweep.found.items()}
            text = "the venue lists no open order of this account"
            logger.log(logging.WARNING if ended else logging.INFO, text, extra={"ended": ended})

    # Whether to cancel.

    def _decide(self, now_ns: int) -> None:
        """Look at execution and at the operator; begin or end a sweep."""
        self.vitals.update(now_ns)
        self._read_flatten()
        reason = self._reason(now_ns)
        if reason is CancelReason.NONE:
            self._end()
        elif self.sweep is None or self._is_new(reason):
            self._begin(reason, now_ns)
        if self.sweep is not None:
            self.sweep.bounds = self._bounds(reason)
        state = CancellerState.WATCHING if self.sweep is None else CancellerState.CANCELLING
        clean = self.sweep is not None and self.sweep.clean
        self._report.set(CancellerState.CLEAN if clean else state, reason, now_ns)

    def _reason(self, now_ns: int) -> CancelReason:
        """Why to cancel now; a sweep that has begun goes on until an execution looks after its orders."""
        vitals = self.vitals
        if self._flatten_ns:
            return CancelReason.FLATTEN
        if vitals.attended:
            return CancelReason.NONE
        if self._drain_ns:
            return CancelReason.STOPPING
        if vitals.state is Vital.FROZEN:
            return CancelReason.FROZEN
        dead = self.sweep is not None or now_ns - vitals.unattended_ns >= self._config.dead_ns
        return CancelReason.DEAD if dead else CancelReason.NONE

    def _is_new(self, reason: CancelReason) -> bool:
        """Whether a clean sweep is not enough: an order can have left since, or it is asked for again."""
        assert self.sweep is not None, "asked without a sweep"
        if not self.sweep.clean:
            return False
        if reason is CancelReason.FLATTEN and self.vitals.attended:
            return self._flatten_ns > self._swept_flatten_ns
        down = reason is CancelReason.STOPPING and self.sweep.began_ns < self._drain_ns
        return down or self.vitals.able_ns > self._swept_ns

    def _begin(self, reason: CancelReason, now_ns: int) -> None:
        """Begin a sweep; a frozen execution's with the listing that was asked for in advance."""
        level = logging.INFO if reason is CancelReason.STOPPING else logging.WARNING
        logger.log(level, "cancels what the venue lists", extra={"reason": reason.name.lower()})
        self.sweep = Sweep(self.session, self._mark_of(), now_ns, self._config.foreign, self._bounds(reason))
        if now_ns - self._listing.asked_ns < FRESH_NS:
            self._read_listing(self.sweep, now_ns)
            self.sweep.list_at(now_ns)

    def _end(self) -> None:
        """Execution looks after its orders again: cancel nothing more."""
        if self.sweep is not None:
            logger.warning("execution looks after its orders again")
            self.session.forget()
            self.sweep = None

    def _bounds(self, reason: CancelReason) -> Bounds:
        """When the sweep is over, and the orders that it must not cancel."""
        vitals = self.vitals
        if vitals.attended:
            assert reason is CancelReason.FLATTEN, "a sweep while execution looks after its orders"
            return Bounds(self._flatten_ns, self._flatten_ns)
        if self._ended_clean:
            return Bounds(settled_ns=vitals.able_ns)
        settled_ns = None if vitals.state is Vital.FROZEN else vitals.able_ns + self.session.receive_window_ns + LATE_NS
        born_ns = vitals.start_ns if vitals.state in (Vital.STARTING, Vital.RUNNING) else 0
        return Bounds(settled_ns, born_ns)

    def _read_flatten(self) -> None:
        """Read the halt cells when one was written."""
        sequences = self._lanes.halts[0].sequence(0), self._lanes.halts[1].sequence(0)
        if sequences == self._flatten:
            return
        self._flatten = sequences
        rows = [one.read(0) for one in self._lanes.halts]
        self._flatten_ns = max(
            (row.since_ns for row in rows if row is not None and row.halted and row.reason == HaltReason.FLATTEN),
            default=0,
        )

    def _advance(self, now_ns: int) -> None:
        """Ask for a listing in advance when half of the time without a beat has passed, or when the monitor wakes it.

        The monitor's wake changes no policy: only the canceller's own look at execution begins a sweep.
        """
        vitals, woken = self.vitals, self._is_woken()
        self._hurried = vitals.attended and (woken or vitals.silent_ns(now_ns) * 2 >= self._config.late_ns)
        if not self._hurried or (now_ns < self._advance_ns and not woken):
            return
        self._advance_ns = now_ns + ADVANCE_NS
        self.session.list_orders(now_ns)

    def _is_woken(self) -> bool:
        """Whether the monitor has found execution silent, once for each silence."""
        row = self._lanes.monitored.read(0)
        before, self._silent_ns = self._silent_ns, 0 if row is None else row.execution_silent_ns
        return self._silent_ns not in (0, before)

    def _is_pointless(self, now_ns: int) -> bool:
        """Whether waiting for a venue that does not answer proves nothing: execution ended without an open order.

        Of other programs' orders, where they are to be cancelled too, execution knows nothing.
        """
        if self._config.foreign:
            return False
        return self._ended_clean and now_ns - max(self._drain_ns, self.session.answered_ns) > SILENT_NS

    @property
    def _ended_clean(self) -> bool:
        """Whether execution has ended itself, with no order open or in doubt by its own records."""
        if self.vitals.state is not Vital.ENDED:
            return False
        orders = self._lanes.orders
        if self._open_by_records[0] != orders.end:
            self._open_by_records = orders.end, len(unfinished(orders))
        return not self._open_by_records[1]

    def _publish(self, now_ns: int) -> None:
        settled_ns = self.sweep.bounds.settled_ns or 0 if self.sweep is not None else 0
        self._report.write(
            now_ns, sent=self.session.sent, ended=self._ended, answered_ns=self.session.answered_ns,
            settled_ns=settled_ns, epoch=self.vitals.start_ns, text=self.session.error,
        )  # fmt: skip


def _shown(client_id: bytes) -> str:
    """An order's id as a log shows it."""
    return client_id.hex() if len(client_id) == 16 else client_id.decode(errors="replace")  # noqa: PLR2004 - our form
