"""What a venue lets an address and an account request in a window of time, as its answers report it, and what was used.

    a request is sent ────────▶ spend    the windows count it, and it is pending
    its answer arrives ───────▶ settle   it is pending no more
                      └───────▶ correct  the venue's own limit and count of a window replace ours

A window is aligned with the venue's clock. It begins with what is pending, because the venue may count that in the old
window or in the new one. A request may be sent while the use stays within the bound of its priority:

    bound = limit * (1 - reserve * priority), rounded down      cancel 1, exit 2, entry 3, reprice 4

So a cancel still leaves when entries are refused, and the part that no priority uses is for the other processes at the
same address. Until the venue has reported a limit there is no bound.
"""

from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

from engine.venues.trading.clock import VenueClock


class Priority(IntEnum):
    """What a request is for; the lower its number, the more of a limit it may use."""

    CANCEL = 1
    EXIT = 2
    ENTRY = 3
    REPRICE = 4


class Cost(NamedTuple):
    """What a request adds to each kind of limit."""

    weight: int = 1  # of the address
    orders: int = 0  # of the account


class Reported(NamedTuple):
    """A limit of the venue, with its use as an answer reports it."""

    kind: int  # which number of a Cost it counts
    length_ns: int
    limit: int
    used: int


ORDER, PAIR, CANCEL, AMEND = Cost(1, 1), Cost(1, 2), Cost(1, 0), Cost(4, 0)
QUESTION = Cost(80, 0)  # the heaviest one
RESERVE = Decimal("0.05")


class Window:
    """The use of one limit in the present window."""

    __slots__ = ("bounds", "index", "kind", "length_ns", "limit", "used")

    def __init__(self, kind: int, length_ns: int) -> None:
        """Begin without a limit and without use."""
        self.kind, self.length_ns = kind, length_ns
        self.limit = self.used = 0
        self.index = -1
        self.bounds: tuple[int, ...] = ()  # by priority

    def bind(self, limit: int, reserve: Decimal) -> None:
        """Compute the bound of each priority."""
        self.limit = limit
        self.bounds = tuple(int(limit * (1 - reserve * one)) for one in range(len(Priority) + 1))

    def turn(self, venue_ns: int, pending: int) -> None:
        """Begin the next window when its time has come."""
        index = venue_ns // self.length_ns
        if index > self.index or index < self.index - 1:  # one before it: the measured clock has moved back a little
            self.index, self.used = index, pending


class VenueBudget:
    """All windows of one session."""

    def __init__(self, clock: VenueClock) -> None:
        """Begin without a limit."""
        self._clock = clock
        self._reserve = RESERVE
        self._windows: dict[tuple[int, int], Window] = {}  # by kind and length
        self._pending = [0] * len(Cost._fields)
        self._newest = 0  # the newest request whose answer has corrected a window
        self._from_ns = self._until_ns = 0  # the venue's times between which no window begins

    @property
    def reserve(self) -> Decimal:
        """The share of a limit that lies between two priorities."""
        return self._reserve

    @reserve.setter
    def reserve(self, reserve: Decimal) -> None:
        self._reserve = reserve
        for window in self._windows.values():
            window.bind(window.limit, reserve)

    def spend(self, cost: Cost, now_ns: int) -> None:
        """Count a request that was sent."""
        self._turn(now_ns)
        for window in self._windows.values():
            window.used += cost[window.kind]
        for kind, amount in enumerate(cost):
            self._pending[kind] += amount

    def settle(self, cost: Cost, now_ns: int) -> None:
        """Count a request as answered, or as never to be answered."""
        self._turn(now_ns)
        for kind, amount in enumerate(cost):
            self._pending[kind] = max(0, self._pending[kind] - amount)

    def forget(self) -> None:
        """Count no request as pending: the connection has ended."""
        self._pending = [0] * len(Cost._fields)

    def correct(self, number: int, sent_ns: int, reported: list[Reported], now_ns: int) -> None:
        """Apply the limits and counts in the answer to a request, which is settled; `number` grows with each request.

        The count is raised by what is pending, which the venue may have counted since. It replaces a higher one of
        ours only if no later request has corrected it before: one connection's requests arrive in their order. The
        count of an earlier window is not that of the present one.
        """
        newest, self._newest = number > self._newest, max(number, self._newest)
        for one in reported:
            window = self._windows.get((one.kind, one.length_ns)) or self._begin(one)
            if window.limit != one.limit:
                window.bind(one.limit, self._reserve)
            self._turn(now_ns)
            if self._clock.venue_ns(sent_ns) // one.length_ns == window.index:
                found = one.used + self._pending[one.kind]
                window.used = found if newest else max(window.used, found)

    def full(self, priority: Priority, cost: Cost, now_ns: int) -> Window | None:
        """The first window in which such a request would exceed the bound of its priority."""
        self._turn(now_ns)
        for window in self._windows.values():
            amount = cost[window.kind]
            if amount and window.used + amount > window.bounds[priority]:
                return window
        return None

    def closed_until_ns(self, priority: Priority, cost: Cost, now_ns: int) -> int:
        """When, by our clock, the first full window for such a request ends; 0: it may be sent now."""
        window = self.full(priority, cost, now_ns)
        return 0 if window is None else (window.index + 1) * window.length_ns - self._clock.offset_ns

    def _begin(self, one: Reported) -> Window:
        """The first window of a limit that the venue reports for the first time."""
        self._until_ns = 0
        return self._windows.setdefault((one.kind, one.length_ns), Window(one.kind, one.length_ns))

    def _turn(self, now_ns: int) -> None:
        """Begin the windows whose time has come, before what is pending changes."""
        venue_ns = now_ns + self._clock.offset_ns
        if self._from_ns <= venue_ns < self._until_ns:
            return
        windows = self._windows.values()
        for window in windows:
            window.turn(venue_ns, self._pending[window.kind])
        self._from_ns = max((one.index * one.length_ns for one in windows), default=0)
        self._until_ns = min(((one.index + 1) * one.length_ns for one in windows), default=0)
