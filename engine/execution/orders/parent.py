"""A parent: an intent that an algorithm works, and its children, the orders sent for it.

    parent 3.17  chase  buy 1000 ─┬─ child 0   cancelled, filled 300
                                  ├─ child 1   cancelled, filled nothing: not kept
                                  └─ child 2   open, 700                      `newest`

An intent without an algorithm has one order and no parent: the intent's fields are the order's. All children of a
parent together never fill more than its size: only `check_room` asserts it, before a child is made. A parent whose
algorithm waits has no child yet; one that closes a position gets its side and size when it begins to (`aim`). A bracket
has children on both sides: entries and their exits.
"""

from engine.execution.orders.order import Order
from engine.model import records
from engine.model.client_id import REQUEST_MAX
from engine.model.intent_id import precedes
from engine.model.rows import ParentRow
from engine.model.words import IntentFlag, OrderFlag, ParentStatus

WORKING, STOPPING = ParentStatus.WORKING, ParentStatus.STOPPING
FILLS_MISSING = int(OrderFlag.FILLS_MISSING)  # after a restart the venue's figure is not known, and this flag is


class Parent:
    """One parent. Its journal record is all of it but the children, which are in the journal as orders."""

    __slots__ = (
        "algorithm", "children", "due_ns", "filled", "flags", "instrument", "intent_id", "intent_ns", "limit_price",
        "newest", "nothing_left", "parameters", "receive_ns", "side", "size", "state", "status", "strategy",
        "time_in_force", "timeout_ns",
    )  # fmt: skip

    def __init__(
        self, intent_id: int, strategy: int, instrument: int, side: int, size: int, limit_price: int,
        time_in_force: int, algorithm: int, parameters: tuple[int, ...], intent_ns: int = 0, receive_ns: int = 0,
        timeout_ns: int = 0, flags: int = 0,
    ) -> None:  # fmt: skip
        """Begin as WORKING, with the fields of its intent."""
        self.intent_id = intent_id
        self.strategy = strategy
        self.instrument = instrument
        self.side = side
        self.size = size
        self.limit_price = limit_price
        self.time_in_force = time_in_force
        self.algorithm = algorithm
        self.parameters = parameters
        self.intent_ns = intent_ns
        self.receive_ns = receive_ns
        self.timeout_ns = timeout_ns
        self.flags = flags
        self.status: int = WORKING
        self.due_ns = 0
        self.filled = 0  # by its children, when it was last recorded
        self.state: tuple[int, ...] = (0,) * records.ALGORITHM_STATE  # the algorithm's, as it was last recorded
        self.children: list[Order] = []  # living children and children with fills, oldest first
        self.newest: Order | None = None
        self.nothing_left = False  # its next child finds nothing to reduce, and that was published

    @property
    def last(self) -> Order:
        """The newest child of a parent that has one."""
        assert self.newest is not None, f"parent {self.intent_id:#x} has no child yet"
        return self.newest

    @property
    def deadline_ns(self) -> int:
        """When it is to be cancelled, 0: never."""
        return self.intent_ns + self.timeout_ns if self.timeout_ns else 0

    def aim(self, side: int, size: int) -> None:
        """Set its side and size, before its first child."""
        assert self.newest is None, f"parent {self.intent_id:#x} has children, expected none when its size is set"
        self.side, self.size = side, size

    def is_older(self, order: Order) -> bool:
        """Whether an order is an older one of its strategy in its instrument."""
        of = (order.strategy, order.instrument) == (self.strategy, self.instrument)
        return of and precedes(order.intent_id, self.intent_id)

    @property
    def working(self) -> bool:
        """Whether it may make further children."""
        return self.status == WORKING

    @property
    def reduce_only(self) -> bool:
        """Whether its children may only reduce the strategy's position."""
        return bool(self.flags & IntentFlag.REDUCE_ONLY)

    @property
    def rest(self) -> int:
        """The size that is still to be bought or sold, by the filled size that the venue reports for every child."""
        return self.size - sum(child.venue_filled for child in self.children if child.side == self.side)

    @property
    def held(self) -> int:
        """What its children have filled on its side, less what its exits have filled on the other one."""
        return sum(child.venue_filled * child.side * self.side for child in self.children)

    @property
    def live(self) -> bool:
        """Whether a child is in flight or open."""
        return any(child.live for child in self.children)

    @property
    def settled(self) -> bool:
        """Whether every child has ended and every fill of it is known."""
        return not any(child.live or child.missing or child.flags & FILLS_MISSING for child in self.children)

    @property
    def exhausted(self) -> bool:
        """Whether no number is left for a further child."""
        return self.newest is not None and self.newest.child >= REQUEST_MAX

    def add(self, child: Order) -> None:
        """Add a child, and drop the children that ended without a fill."""
        self.children = [one for one in self.children if one.live or one.venue_filled]
        self.children.append(child)
        self.newest = child

    def recall(self, child: Order) -> None:
        """Count a child again that was dropped as ended, and that the venue reports as alive."""
        if child.live and not child.flags & OrderFlag.ADOPTED and child not in self.children:
            self.children.insert(0, child)

    def keep(self, due_ns: int, state: tuple[int, ...]) -> bool:
        """Keep the algorithm's state and what is filled; whether either changed."""
        whole = state + (0,) * (records.ALGORITHM_STATE - len(state))
        filled = sum(child.filled for child in self.children if child.side == self.side)
        changed = due_ns != self.due_ns or filled != self.filled or whole != self.state
        self.due_ns, self.filled, self.state = due_ns, filled, whole
        return changed

    def check_room(self, added: int, side: int) -> None:
        """Assert that a request for this much more leaves all children together within the parent's size.

        Exits, the children on the other side, are together at most what the children on its own side have filled.
        """
        whole = self.size if side == self.side else self.size - self.rest
        room = whole - sum(_most(child) for child in self.children if child.side == side)
        assert added <= max(0, room), f"children of parent {self.intent_id:#x} would pass its size: {added} of {room}"

    def row(self, now_ns: int, made: int) -> ParentRow:
        """Its record, when `made` children have been made."""
        return records.PARENT.row(
            intent_id=self.intent_id, now_ns=now_ns, size=self.size, filled=self.filled, limit_price=self.limit_price,
            due_ns=self.due_ns, children=made, strategy=self.strategy, instrument=self.instrument,
            algorithm=self.algorithm, status=self.status, side=self.side, time_in_force=self.time_in_force,
            parameters=self.parameters, state=self.state, flags=self.flags, intent_ns=self.intent_ns,
            receive_ns=self.receive_ns, timeout_ns=self.timeout_ns,
        )  # fmt: skip

    def update(self, row: ParentRow) -> None:
        """Set the changing fields from a record."""
        self.status, self.due_ns, self.filled, self.state = row.status, row.due_ns, row.filled, tuple(row.state)
        self.side, self.size = row.side, row.size


def _most(child: Order) -> int:
    """The most that a child may fill; a replacement, or the second of a pair, only what exceeds the first's size."""
    if not child.live:
        return child.venue_filled
    before, twin = child.predecessor, child.twin
    if before is not None and before.live:
        return max(0, child.size - before.size)
    return child.size if twin is None or twin.live else child.size - twin.venue_filled


def parent_of(row: ParentRow) -> Parent:
    """A parent from its record, without its children."""
    parent = Parent(
        row.intent_id, row.strategy, row.instrument, row.side, row.size, row.limit_price, row.time_in_force,
        row.algorithm, tuple(row.parameters), row.intent_ns, row.receive_ns, row.timeout_ns, row.flags,
    )  # fmt: skip
    parent.update(row)
    return parent
