"""What the venues offer: the newest book of each instrument, the charge of each account, and who can be asked at all.

An offer is made of a GOOD book that is young enough, at an account whose execution beats.
"""

from bisect import insort
from collections import deque
from collections.abc import Mapping, Sequence
from time import monotonic_ns
from typing import Any

import shm
from engine.lanes.ports import CellReader, RingReader
from engine.model.rows import BookTopRow
from engine.model.words import BUY, BookState
from engine.router.options import RouterOptions
from engine.router.split import Level, Offer
from engine.router.terms import PPM_OF_BPS, Member, Route

LIMIT_KEPT_NS = 60_000_000_000  # then a larger share is tried: an account's limit may have been raised
SAMPLES = 63  # acknowledgements in a median
NS_IN_MS = 1_000_000
GOOD = BookState.GOOD


class Acknowledgements:
    """The times from sent to answered of one account's last children, and their median."""

    def __init__(self, first_ns: int) -> None:
        """Begin with this median."""
        self._first_ns = first_ns
        self._samples: deque[int] = deque(maxlen=SAMPLES)

    def add(self, took_ns: int) -> None:
        """Count one."""
        self._samples.append(took_ns)

    @property
    def median_ns(self) -> int:
        """The median."""
        ordered: list[int] = []
        for one in self._samples:
            insort(ordered, one)
        return ordered[len(ordered) // 2] if ordered else self._first_ns


class Beats:
    """Whether an execution beats: its heartbeat's own clock is the machine's."""

    def __init__(self, cell: CellReader, silent_ns: int) -> None:
        """Watch this heartbeat."""
        self._cell, self._silent_ns = cell, silent_ns

    def alive(self) -> bool:
        """Whether it has beaten lately."""
        row = self._cell.read(0)
        return row is not None and monotonic_ns() - row.beat_ns <= self._silent_ns


class Offers:
    """The books, and the offers that they make."""

    def __init__(
        self, books: Sequence[RingReader], alive: Mapping[str, Any], age_ns: int, latency_bps_per_ms: float,
        first_ack_ns: int,
    ) -> None:  # fmt: skip
        """Read these lanes. `alive` has, for each account, whether its execution beats."""
        self._lanes, self._alive, self._age_ns = books, alive, age_ns
        self._latency_ppm_per_ms = latency_bps_per_ms * PPM_OF_BPS
        self._books: dict[int, BookTopRow] = {}
        self.acknowledgements = {account: Acknowledgements(first_ack_ns) for account in alive}
        self._limits: dict[int, tuple[int, int]] = {}  # by instrument: the notional of a share at most, and until when
        self.count = 0  # of books read: what was tried on the same books need not be tried again

    def follow_options(self, options: RouterOptions) -> None:
        """Choose and charge by other options from now on."""
        self._age_ns = options.book_age_ns
        self._latency_ppm_per_ms = options.latency_bps_per_ms * PPM_OF_BPS

    def read(self, wanted: Mapping[int, Route]) -> int:
        """Keep the newest book of each wanted instrument; how many records were read."""
        count = 0
        for lane in self._lanes:
            while (row := lane.read()) is not None:
                count += 1
                if not isinstance(row, shm.Lapped) and row.instrument in wanted:
                    self._books[row.instrument] = row
        self.count += count
        return count

    def limit(self, member: Member, notional: int, now_ns: int) -> None:
        """Bound the shares of a member for a time: its account has refused a larger order."""
        self._limits[member.instrument.id] = notional, now_ns + LIMIT_KEPT_NS

    def of(
        self, route: Route, side: int, now_ns: int, left_out: Mapping[str, int], newer: Mapping[str, int]
    ) -> list[Offer]:
        """The offers of a route's venues to an order of this side; `newer`: by account, older books are used up."""
        found = []
        for member in route.members:
            book, account = self._books.get(member.instrument.id), member.account
            if book is None or book.state != GOOD or now_ns - book.receive_ns > self._age_ns:
                continue
            if left_out.get(account, 0) > now_ns or book.receive_ns <= newer.get(account, 0):
                continue
            if self._alive[account]():
                levels, most = _levels(book, side, member), self._notional_most(member, now_ns)
                found.append(Offer(member, self._charge(member), levels, book.receive_ns, book.tick_sequence, most))
        return found

    def _notional_most(self, member: Member, now_ns: int) -> int:
        notional, until_ns = self._limits.get(member.instrument.id, (0, 0))
        return notional if now_ns < until_ns else 0

    def _charge(self, member: Member) -> int:
        """A member's fee, and what its quotes may move until an order arrives, in millionths."""
        ack_ms = self.acknowledgements[member.account].median_ns / NS_IN_MS
        return member.fee_ppm + round(self._latency_ppm_per_ms * ack_ms)


def _levels(book: BookTopRow, side: int, member: Member) -> list[Level]:
    """The levels that an order of this side would reach, in the route's numbers."""
    count, prices, sizes = (
        (book.asks, book.ask_price, book.ask_size) if side == BUY else (book.bids, book.bid_price, book.bid_size)
    )
    pairs = zip(prices[:count], sizes[:count], strict=True)
    return [Level(int(price) * member.price_factor, int(size) * member.size_factor) for price, size in pairs]
