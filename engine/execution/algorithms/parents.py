"""Every parent that an algorithm works: events to the algorithms, their state to the journal, their end.

    propose ─▶ accept ─▶ on_book · on_order · on_time ─▶ stop (time is over, an operator or its strategy cancels)
                                                    └──▶ done, when its algorithm is and every child has ended

After each event a changed state is recorded. After `stop` the algorithm gets no further event, and its parent is done
when its last child has ended; the children's cancels are the desk's. `restore` continues with what a restart found.
"""

import logging
from collections.abc import Mapping

from engine.execution.algorithms.algorithm import Algorithm, ChildPort
from engine.execution.algorithms.counted import Counted
from engine.execution.algorithms.load import kind_of, parameters_of
from engine.execution.algorithms.market import Market
from engine.execution.algorithms.prints import Place, Prints
from engine.execution.algorithms.profile import read_profiles
from engine.execution.config import ExecutionConfig
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import Order
from engine.execution.orders.parent import Parent
from engine.execution.venue.order_sender import OrderSender
from engine.lanes.ports import RingReader
from engine.model import algorithms
from engine.model.fixed import INT64_MAX
from engine.model.rows import IntentRow
from engine.model.words import OrderFlag, OrderState, ParentStatus, Reason
from engine.risk.gate import Refusal, RiskGate
from engine.risk.market import Top
from engine.role import WorkingOn

logger = logging.getLogger("engine.execution")
CANCELLED_EARLY = Refusal(Reason.UNKNOWN_ORDER, OrderState.CANCELLED)  # of an intent that ended before an order


class Parents:
    """All parents of this execution."""

    def __init__(
        self, blotter: Blotter, gate: RiskGate, sender: OrderSender, children: ChildPort, tops: Mapping[int, Top],
        options: ExecutionConfig, ticks: tuple[RingReader, ...] = (),
    ) -> None:  # fmt: skip
        """Begin with none."""
        self._blotter = blotter
        self._gate = gate
        self._sender = sender
        self._children = children
        self._tops = tops
        self._options = options
        self._prints = Prints(ticks, gate)
        self._profiles = read_profiles(options.volume_profile, options.instruments)
        self._instruments = {one.id: one for one in options.instruments}
        self._working: dict[int, Algorithm] = {}  # by intent, without the stopped ones
        self._due: dict[int, int] = {}  # by intent: when its algorithm is called
        self._busy: Algorithm | None = None  # the algorithm that is being called

    @property
    def working(self) -> bool:
        """Whether an algorithm works."""
        return bool(self._working)

    def propose(self, intent: IntentRow) -> Algorithm | Refusal:
        """The algorithm of an intent, for risk to check its first child; or a refusal of its terms."""
        exits = self._gate.is_exit(intent.strategy, intent.instrument, intent.side, intent.size)
        limit = self._gate.protective_price(intent.instrument, intent.side, intent.price, exits=exits)
        if algorithms.closes(intent.algorithm):
            limit = intent.price  # its side is not known yet
        algorithm = self._algorithm_of(Parent(
            intent.intent_id, intent.strategy, intent.instrument, intent.side, intent.size, limit,
            intent.time_in_force, intent.algorithm, tuple(intent.parameters), intent.now_ns, intent.receive_ns,
            intent.timeout_ns,
        ))  # fmt: skip
        return algorithm if isinstance(algorithm, Refusal) else algorithm.check() or algorithm

    def accept(self, algorithm: Algorithm, first: Order, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Send the first child, which risk has approved, and let the algorithm work."""
        parent = algorithm.parent
        parent.check_room(first.size)
        parent.keep(algorithm.due_ns, algorithm.dump())
        self._sender.begin_parent(parent, first, intent, sequence, now_ns)
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
                if algorithm.requested or algorithm.due_ns != algorithm.parent.due_ns:
                    self._after(algorithm, now_ns)
        self._busy = None

    def on_order(self, order: Order, now_ns: int) -> None:
        """An order changed: a child, or one whose end a parent without a child waits for."""
        for waiting in [one for one in self._working.values() if one.parent.newest is None]:
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

    def _pass_order(self, algorithm: Algorithm, order: Order, now_ns: int) -> None:
        self._busy = algorithm
        algorithm.on_order(order, now_ns)
        self._after(algorithm, now_ns)
        self._busy = None

    def on_time(self, now_ns: int) -> None:
        """Count the new prints, then call the algorithms that are due."""
        if self._working or self._gate.reads_prints:
            self._read_prints()
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

    def _read_prints(self) -> None:
        """Give each new print to the algorithms that count those of its instrument, and to risk.

        Risk begins with prints of before an algorithm's first order, which are not the algorithm's.
        """
        counting = [one for one in self._working.values() if isinstance(one, Counted)]

        def on_print(instrument: int, size: int, receive_ns: int, after: Place) -> None:
            for one in counting:
                if one.parent.instrument == instrument and receive_ns >= one.parent.last.intent_ns:
                    one.on_print(size, after)

        self._prints.read([one.counted for one in counting], on_print)

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

    def stop_all(self, strategy: int, instrument: int, now_ns: int, before: int = INT64_MAX) -> None:
        """Stop every algorithm, or those of a strategy or instrument; only of intents before one."""
        for algorithm in list(self._working.values()):
            parent = algorithm.parent
            of = (not strategy or parent.strategy == strategy) and (not instrument or parent.instrument == instrument)
            if of and parent.intent_id < before:
                self.stop(parent.intent_id, now_ns)

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
        for parent in list(self._blotter.parents.values()):
            algorithm = self._working.get(parent.intent_id)
            parent.keep(parent.due_ns, parent.state)
            if parent.settled and (algorithm is None or algorithm.done):
                self._set_status(parent, ParentStatus.DONE, now_ns)
            else:
                self._blotter.publish_parent(self._blotter.parent_bytes(parent, now_ns))

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
        market = Market(instrument, self._tops[parent.instrument], self._profiles.get(parent.instrument))
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
