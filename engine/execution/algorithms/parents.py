"""Every parent that an algorithm works: events to the algorithms, their state to the journal, their end.

    propose ─▶ accept ─▶ on_book · on_order · on_time ─▶ stop (time is over, an operator or its strategy cancels)
                                                    └──▶ done, when its algorithm is and every child has ended

After each event a changed state is recorded. After `stop` the algorithm gets no further event, and its parent is done
when its last child has ended; the children's cancels are the desk's. `restore` continues with what a restart found.
"""

import logging
from collections.abc import Mapping, Sequence

from engine.execution.algorithms.algorithm import Algorithm, ChildPort
from engine.execution.algorithms.counted import Counted
from engine.execution.algorithms.load import kind_of, parameters_of
from engine.execution.algorithms.market import Market
from engine.execution.algorithms.netting import Match
from engine.execution.algorithms.prints import Place, Print, Prints
from engine.execution.algorithms.profile import read_profiles
from engine.execution.algorithms.triggered.doubts import Doubts
from engine.execution.config import ExecutionConfig
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import Order
from engine.execution.orders.parent import Parent, parent_of
from engine.execution.venue.order_sender import OrderSender
from engine.lanes.ports import RingReader
from engine.model import algorithms
from engine.model.fixed import INT64_MAX
from engine.model.intent_id import precedes
from engine.model.rows import IntentRow
from engine.model.words import IntentFlag, OrderFlag, OrderState, ParentStatus, Reason
from engine.risk.gate import Refusal, RiskGate
from engine.risk.market import Top
from engine.role import WorkingOn

logger = logging.getLogger("engine.execution")
REDUCE_ONLY = int(IntentFlag.REDUCE_ONLY)
CANCELLED_EARLY = Refusal(Reason.UNKNOWN_ORDER, OrderState.CANCELLED)  # of an intent that ended before an order


class Parents:
    """All parents of this execution."""

    def __init__(
        self, blotter: Blotter, gate: RiskGate, sender: OrderSender, children: ChildPort, tops: Mapping[int, Top],
        options: ExecutionConfig, working: dict[int, Algorithm], ticks: tuple[RingReader, ...] = (),
    ) -> None:  # fmt: skip
        """Begin with none; `working` has the algorithms by intent, without the stopped ones."""
        self._blotter = blotter
        self._gate = gate
        self._sender = sender
        self._children = children
        self._tops = tops
        self._options = options
        self._prints = Prints(ticks, gate)
        self._profiles = read_profiles(options.volume_profile, options.instruments)
        self._instruments = {one.id: one for one in options.instruments}
        self._working = working
        self._due: dict[int, int] = {}  # by intent: when its algorithm is called
        self._begun_ns = 0  # when this life began
        self._doubts = Doubts()
        self._busy: Algorithm | None = None  # the algorithm that is being called

    @property
    def working(self) -> bool:
        """Whether an algorithm works."""
        return bool(self._working)

    @property
    def algorithms(self) -> Mapping[int, Algorithm]:
        """The algorithms that work, by intent."""
        return self._working

    @property
    def due_ns(self) -> int:
        """When the first algorithm is due; the largest time where none is."""
        return min(self._due.values(), default=INT64_MAX)

    def propose(self, intent: IntentRow) -> Algorithm | Refusal:
        """The algorithm of an intent, for risk to check its first child; or a refusal of its terms."""
        kind = kind_of(intent.algorithm)
        priced = kind is not None and kind.priced
        algorithm = self._algorithm_of(Parent(
            intent.intent_id, intent.strategy, intent.instrument, intent.side, intent.size,
            intent.price if priced else self._limit_of(intent), intent.time_in_force, intent.algorithm,
            tuple(intent.parameters), intent.now_ns, intent.receive_ns, intent.timeout_ns, intent.flags,
        ))  # fmt: skip
        if isinstance(algorithm, Refusal):
            return algorithm
        full = Refusal(Reason.TOO_MANY_KEPT, self._kept + 1, self._options.kept_most)
        return algorithm.check() or (full if algorithm.kept and full.value > full.limit else algorithm)

    def _limit_of(self, intent: IntentRow) -> int:
        """The worst price of an intent's children: its own, at most the collar's edge."""
        reduces = intent.flags & REDUCE_ONLY
        exits = reduces or self._gate.is_exit(intent.strategy, intent.instrument, intent.side, intent.size)
        return self._gate.protective_price(intent.instrument, intent.side, intent.price, exits=bool(exits))

    @property
    def _kept(self) -> int:
        """How many parents began, or will begin, by a trigger."""
        return sum(1 for one in self._working.values() if one.kept)

    def accept(
        self, algorithm: Algorithm, first: Order, intent: IntentRow, sequence: int, now_ns: int,
        matches: Sequence[Match] = (),
    ) -> None:  # fmt: skip
        """Send the first child, which risk has approved, and let the algorithm work."""
        parent = algorithm.parent
        parent.check_room(first.size + sum(one.size for one in matches), parent.side)
        parent.keep(algorithm.due_ns, algorithm.dump())
        self._sender.begin_parent(parent, first, intent, sequence, now_ns, matches)
        self._working[parent.intent_id] = algorithm
        algorithm.on_accepted(now_ns)
        self._after(algorithm, now_ns)

    def begin_waiting(self, algorithm: Algorithm, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Record an approved intent whose algorithm has no child yet; `start` follows."""
        parent = algorithm.parent
        parent.keep(algorithm.due_ns, algorithm.dump())
        self._sender.begin_waiting(parent, intent, sequence, now_ns)
        self._working[parent.intent_id] = algorithm

    def start(self, algorithm: Algorithm, now_ns: int) -> None:
        """Let an algorithm without a child work."""
        algorithm.on_accepted(now_ns)
        self._after(algorithm, now_ns)

    def on_book(self, instrument: int, now_ns: int) -> None:
        """The best prices of an instrument changed."""
        for algorithm in list(self._working.values()):
            if algorithm.parent.instrument == instrument:
                self._busy = algorithm
                algorithm.on_book(now_ns)
                if algorithm.requested or algorithm.done or algorithm.due_ns != algorithm.parent.due_ns:
                    self._after(algorithm, now_ns)
        self._busy = None

    def on_order(self, order: Order, now_ns: int) -> None:
        """An order changed: a child, one whose end a parent without a child waits for, one that moves the position."""
        self._pass_change(order, now_ns)
        self._shrink(order.strategy, order.instrument, now_ns)

    def _pass_change(self, order: Order, now_ns: int) -> None:
        """Call the algorithms that an order's change concerns."""
        for waiting in [one for one in self._working.values() if one.parent.newest is None and not one.kept]:
            if waiting.parent.is_older(order):
                self._pass_order(waiting, order, now_ns)
        parent = self._blotter.parents.get(order.intent_id)
        if parent is None:
            return
        parent.recall(order)
        algorithm = self._working.get(parent.intent_id)
        if algorithm is not None:
            self._pass_order(algorithm, order, now_ns)
        elif parent.keep(0, parent.state) or parent.settled:
            self._set_status(parent, ParentStatus.DONE if parent.settled else ParentStatus.STOPPING, now_ns)

    def _shrink(self, strategy: int, instrument: int, now_ns: int) -> None:
        """Make the first resting child smaller that could open a position.

        Each request is awaited, because until its answer the exposure counts the order as it was.
        """
        of = strategy, instrument
        resting = [
            (one, child) for one in self._working.values()
            if (one.parent.strategy, one.parent.instrument) == of and (child := one.parent.newest) is not None
            and (one.parent.reduce_only or child.side != one.parent.side)
        ]  # fmt: skip
        if resting and not any(
            (one.strategy, one.instrument) == of and (one.amend_pending or one.cancel_pending)
            for one in self._blotter.live.values()
        ):
            any(self._children.shrink(one, child, now_ns) for one, child in resting)

    def _pass_order(self, algorithm: Algorithm, order: Order, now_ns: int) -> None:
        self._busy = algorithm
        algorithm.on_order(order, now_ns)
        self._after(algorithm, now_ns)
        self._busy = None

    def on_time(self, now_ns: int) -> None:
        """Read the new prints, then call the algorithms that are due."""
        if self._working or self._gate.reads_prints:
            self._read_prints(now_ns)
        if self._working:
            self._doubts.check(self._working.values(), now_ns)
            self._retry_stalled(now_ns)
        if not self._due:
            return
        for intent_id, due_ns in list(self._due.items()):
            if due_ns <= now_ns:
                del self._due[intent_id]
                algorithm = self._working.get(intent_id)
                if algorithm is not None:
                    self._busy = algorithm
                    algorithm.on_time(now_ns)
                    self._after(algorithm, now_ns)
        self._busy = None

    def _retry_stalled(self, now_ns: int) -> None:
        """Call the algorithms whose next order a switch of risk stopped."""
        for algorithm in [one for one in self._working.values() if one.stalled]:
            self._busy = algorithm
            algorithm.on_time(now_ns)
            if algorithm.requested or algorithm.done:
                self._after(algorithm, now_ns)
        self._busy = None

    def _read_prints(self, now_ns: int) -> None:
        """Give each new print to the algorithms of its instrument that count or follow prints, and to risk.

        Risk begins with prints of before an algorithm's first order, which are not the algorithm's. One that follows
        prints gets those received in this life of execution.
        """
        reading = [one for one in self._working.values() if one.prints]

        def on_print(one: Print, after: Place) -> None:
            for algorithm in reading:
                parent = algorithm.parent
                if parent.instrument != one.instrument or parent.intent_id not in self._working:
                    continue
                if isinstance(algorithm, Counted):
                    if one.receive_ns >= parent.last.intent_ns:
                        algorithm.count(one.size, after)
                elif one.receive_ns > max(parent.intent_ns, self._begun_ns):
                    self._pass_print(algorithm, one.price, now_ns)

        self._prints.read([one.counted if isinstance(one, Counted) else None for one in reading], on_print)

    def _pass_print(self, algorithm: Algorithm, price: int, now_ns: int) -> None:
        self._busy = algorithm
        algorithm.on_print(price, now_ns)
        if algorithm.requested:
            self._after(algorithm, now_ns)
        self._busy = None

    def working_on(self) -> WorkingOn | None:
        """The parent, by its intent, whose algorithm has raised; None when that happened elsewhere."""
        if self._busy is None:
            return None
        parent = self._busy.parent
        return WorkingOn("parents", parent.intent_id, parent.strategy, parent.instrument)

    def stop(self, intent_id: int, now_ns: int) -> None:
        """Let an intent's algorithm, if one works, make no further child."""
        algorithm = self._working.pop(intent_id, None)
        if algorithm is None:
            return
        algorithm.on_stop(now_ns)
        parent = algorithm.parent
        parent.keep(0, algorithm.dump())
        self._set_status(parent, ParentStatus.DONE if parent.settled else ParentStatus.STOPPING, now_ns)

    def stop_all(self, strategy: int, instrument: int, now_ns: int, before: int = 0) -> None:
        """Stop every algorithm, or of a strategy or instrument; only what precedes the intent `before`, if any."""
        for algorithm in list(self._working.values()):
            parent = algorithm.parent
            of = (not strategy or parent.strategy == strategy) and (not instrument or parent.instrument == instrument)
            if of and (not before or precedes(parent.intent_id, before)):
                self.stop(parent.intent_id, now_ns)

    def reduce(self, parent: Parent, now_ns: int) -> bool:
        """Whether a parent continues with exits alone, because entries are to end; one that has none does not."""
        algorithm = self._working.get(parent.intent_id)
        if algorithm is None or not algorithm.reduce(now_ns):
            return False
        self._after(algorithm, now_ns)
        return True

    def restore(self) -> None:
        """Continue with the parents that the journal left; one that this program cannot work is stopped."""
        for parent in self._blotter.parents.values():
            algorithm = self._algorithm_of(parent)
            if isinstance(algorithm, Refusal):
                self._cancel_unknown(parent, algorithm)
            elif parent.working:
                algorithm.due_ns = parent.due_ns
                algorithm.load(parent.state)
                self._working[parent.intent_id] = algorithm
                if parent.due_ns or not parent.live:  # or the record of what follows its last child is lost
                    self._due[parent.intent_id] = parent.due_ns

    def begin(self, now_ns: int) -> None:
        """The first step of a life: end the parents whose last child ended unseen, publish the others."""
        self._begun_ns = now_ns
        for parent in list(self._blotter.parents.values()):
            algorithm = self._working.get(parent.intent_id)
            parent.keep(parent.due_ns, parent.state)
            if parent.settled and (algorithm is None or algorithm.done):
                self._set_status(parent, ParentStatus.DONE, now_ns)
            else:
                self._blotter.publish_parent(self._blotter.parent_bytes(parent, now_ns))

    def publish_again(self, record: bytes, now_ns: int) -> None:
        """Publish a parent's record that readers may have missed, and the refusal of one that ended without a child."""
        row = codec.read_parent(record)
        self._blotter.publish_parent(codec.PARENT.pack_row(row))
        if row.status == ParentStatus.DONE and not row.children:
            self._sender.publish_end(parent_of(row), CANCELLED_EARLY, now_ns)

    def _algorithm_of(self, parent: Parent) -> Algorithm | Refusal:
        """The object that works a parent, or which part of its intent is wrong."""
        kind = kind_of(parent.algorithm)
        if kind is None:
            return Refusal(Reason.UNKNOWN_ALGORITHM, parent.algorithm)
        parameters = parameters_of(kind, parent.parameters)
        if isinstance(parameters, int):
            place = algorithms.place_of(parent.algorithm, parameters)
            return Refusal(Reason.ALGORITHM_PARAMETER, parent.parameters[parameters], place)
        instrument = self._instruments.get(parent.instrument)
        if instrument is None:
            return Refusal(Reason.UNKNOWN_INSTRUMENT, parent.instrument)
        top, profile = self._tops[parent.instrument], self._profiles.get(parent.instrument)
        market = Market(instrument, top, profile, self._gate.limits.max_book_age_ns)
        return kind(parent, parameters, market, self._children, self._options)

    def _cancel_unknown(self, parent: Parent, refusal: Refusal) -> None:
        """Have the children cancelled of a parent that this program cannot work."""
        what = {"intent": parent.intent_id, "algorithm": parent.algorithm, "why": refusal.reason.name}
        logger.error("a parent in the journal cannot be worked: its orders are cancelled", extra=what)
        parent.status = ParentStatus.STOPPING
        for child in parent.children:
            if child.live:
                child.flags |= OrderFlag.CANCEL_WANTED
                self._blotter.changed.append(child)

    def _after(self, algorithm: Algorithm, now_ns: int) -> None:
        """What follows each event: the parent's end, else a record of what changed."""
        parent, algorithm.requested = algorithm.parent, False
        changed = parent.keep(algorithm.due_ns, algorithm.dump())
        if algorithm.done and parent.settled:
            self._set_status(parent, ParentStatus.DONE, now_ns)
            return
        if algorithm.due_ns > now_ns:
            self._due[parent.intent_id] = algorithm.due_ns
        if changed:
            self._blotter.note_parent(parent, now_ns)

    def _set_status(self, parent: Parent, status: ParentStatus, now_ns: int) -> None:
        """Record how far a parent is; one that is done is dropped. The intent of one without a child is refused."""
        parent.status = status
        if status != ParentStatus.DONE:
            self._blotter.note_parent(parent, now_ns)
            return
        algorithm = self._working.pop(parent.intent_id, None)
        self._due.pop(parent.intent_id, None)
        del self._blotter.parents[parent.intent_id]
        if parent.newest is not None:
            self._blotter.note_parent(parent, now_ns)
        else:
            refusal = None if algorithm is None else algorithm.refusal
            self._sender.end_childless(parent, refusal or CANCELLED_EARLY, now_ns)
