"""The whole book of an instrument, rebuilt from the LEVELS lane by whoever wants it, whenever it joins.

    RESET … levels … state     the book anew: exact from its last record on
    levels                     changes, absolute sizes
    REFRESH mark … levels … REFRESH mark    all that stands, told again bit by bit between the changes

Who joins late begins with nothing and takes every record. A level of the book is either told again between two marks
or changed meanwhile, and one that went is told as size 0; so from the second mark on the book is exact. A lap loses
that, and the next two marks bring it back. The lane is filled when the configuration says `[feed] levels = true`.
"""

from typing import Any

import numpy as np

from engine.book import Book
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import BookState, Flag, TickKind

STATE = int(TickKind.STATE)
LAST, RESET, REFRESH = int(Flag.LAST), int(Flag.RESET), int(Flag.REFRESH)
BATCH = 1 << 12


class WholeBook:
    """One instrument's book as the feed has it. Walks and depths are asked of `book`."""

    def __init__(self, system: str, instrument: int) -> None:
        """Attach; nothing is known yet."""
        self.instrument = instrument
        self.book = Book()
        self.state = int(BookState.EMPTY)
        self.exact = False  # every level is here, and no other
        self.receive_ns = self.lost = 0
        self._marks = 0
        self._whole = True  # the event read last is complete
        self._reader = open_lanes(system, LOOKERS).ring_reader("levels")

    @property
    def good(self) -> bool:
        """May be acted on: exact, complete and vouched for by the feed."""
        return self.exact and self._whole and self.state == BookState.GOOD

    def poll(self, limit: int = 1 << 62) -> int:
        """Take what came; how many records there were."""
        taken = 0
        while taken < limit:
            lost, records = self._reader.copy(min(BATCH, limit - taken))
            if lost:
                self._begin_anew(lost)
            if not len(records):
                break
            taken += len(records)
            self._hear(records[records["instrument"] == self.instrument])
        return taken

    def _hear(self, records: Any) -> None:
        """Levels in runs, states one by one between them."""
        levels = np.stack([records["side"], records["price"], records["size"]], axis=1).astype(np.int64)
        begin = 0
        for at in np.flatnonzero(records["kind"] == STATE).tolist():
            self.book.set_levels(levels[begin:at])
            self._turn(records[at])
            begin = at + 1
        self.book.set_levels(levels[begin:])
        if len(records):
            self.receive_ns = int(records[-1]["receive_ns"])
            self._whole = bool(records[-1]["flags"] & LAST)

    def _begin_anew(self, lost: int) -> None:
        """Records are missing: only what is told from here on is known."""
        self.lost += lost
        self.exact, self._marks = False, 0
        self.book.clear()

    def _turn(self, row: np.void) -> None:
        """A state, a reset or a mark."""
        if row["flags"] & RESET:
            self.book.clear()
            self.exact, self._marks = True, 0
        self.state = int(row["detail"])
        self._mark(int(row["flags"]))

    def _mark(self, flags: int) -> None:
        if flags & REFRESH:
            self._marks += 1
            self.exact = self.exact or self._marks > 1
