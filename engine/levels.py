"""The whole book of an instrument, rebuilt from the LEVELS lane; a reader may attach at any time.

    RESET … levels … state     a new book: exact from its last record on
    levels                     changes, with absolute sizes
    REFRESH mark … levels … REFRESH mark    all levels, published again in parts between the changes

A late reader begins with an empty book and applies every record. Between two marks every level is published again or
changes, and a removed level is published with size 0. So from the second mark on the book is exact. After a lap the
next two marks make it exact again. The feed fills the lane when the configuration has `[feed] levels = true`.
"""

from typing import Any

import numpy as np

from engine.book import Book
from engine.lanes import LOOKERS, RoleLanes, open_lanes
from engine.model.words import BookState, Flag, TickKind

STATE = int(TickKind.STATE)
LAST, RESET, REFRESH = int(Flag.LAST), int(Flag.RESET), int(Flag.REFRESH)
BATCH = 1 << 12


def _feed_of(lanes: RoleLanes, instrument: int) -> str:
    """The feed that publishes an instrument; empty, for the only one, in a system of one feed."""
    feeds = lanes.readable("instruments")
    for feed in feeds if len(feeds) > 1 else ():
        cells = lanes.cell_reader("instruments", feed)
        if any((row := cells.read(index)) is not None and row.id == instrument for index in range(cells.count)):
            return feed
    return ""


class WholeBook:
    """One instrument's book as the feed has it. `book` has the levels."""

    def __init__(self, system: str, instrument: int) -> None:
        """Attach with an empty book."""
        self.instrument = instrument
        self.book = Book()
        self.state = int(BookState.EMPTY)
        self.exact = False  # `book` has every level of the feed's book, and no other
        self.receive_ns = self.lost = 0
        self._marks = 0
        self._whole = True  # the event read last is complete
        lanes = open_lanes(system, LOOKERS)
        self._reader = lanes.ring_reader("levels", _feed_of(lanes, instrument))

    @property
    def good(self) -> bool:
        """Whether the book equals the venue's: it is exact and complete, and the feed's state is GOOD."""
        return self.exact and self._whole and self.state == BookState.GOOD

    def poll(self, limit: int = 1 << 62) -> int:
        """Apply the unread records, at most `limit`; how many they were."""
        count = 0
        while count < limit:
            lost, records = self._reader.copy(min(BATCH, limit - count))
            if lost:
                self._on_loss(lost)
            if not len(records):
                break
            count += len(records)
            self._apply(records[records["instrument"] == self.instrument])
        return count

    def _apply(self, records: Any) -> None:
        """Apply levels in batches, and the states between them one by one."""
        levels = np.stack([records["side"], records["price"], records["size"]], axis=1).astype(np.int64)
        begin = 0
        for at in np.flatnonzero(records["kind"] == STATE).tolist():
            self.book.set_levels(levels[begin:at])
            self._apply_state(records[at])
            begin = at + 1
        self.book.set_levels(levels[begin:])
        if len(records):
            self.receive_ns = int(records[-1]["receive_ns"])
            self._whole = bool(records[-1]["flags"] & LAST)

    def _on_loss(self, lost: int) -> None:
        """Records were lost: clear the book."""
        self.lost += lost
        self.exact, self._marks = False, 0
        self.book.clear()

    def _apply_state(self, row: np.void) -> None:
        """Apply a state, a reset or a mark."""
        if row["flags"] & RESET:
            self.book.clear()
            self.exact, self._marks = True, 0
        self.state = int(row["detail"])
        self._count_mark(int(row["flags"]))

    def _count_mark(self, flags: int) -> None:
        if flags & REFRESH:
            self._marks += 1
            self.exact = self.exact or self._marks > 1
