"""Reads BOOKS into the tops that risk and the algorithms use, and calls the algorithms of each changed instrument."""

from engine.execution.algorithms.parents import Parents
from engine.execution.intents.intake import Intake, apply_book
from engine.lanes.ports import RingReader
from engine.risk.market import Top


class Books:
    """The best prices of each instrument."""

    def __init__(
        self, lanes: tuple[RingReader, ...], intake: Intake, tops: dict[int, Top], parents: Parents
    ) -> None:  # fmt: skip
        """Read the lane of each feed, through the intake while few records wait."""
        self._lanes = lanes
        self._intake = intake
        self._tops = tops
        self._parents = parents

    def read(self, now_ns: int) -> int:
        """Apply the newest tops of every feed; how many were read."""
        changed: set[int] = set()
        count = 0
        for feed, lane in enumerate(self._lanes):
            count += self._read_feed(feed, lane, changed)
        if changed and self._parents.working:
            for instrument in sorted(changed):
                self._parents.on_book(instrument, now_ns)
        return count

    def _read_feed(self, feed: int, lane: RingReader, changed: set[int]) -> int:
        """Apply one feed's newest tops; after a lap no top is known until its next record."""
        applied = self._intake.read_books(feed)
        changed |= set() if applied is None else set(applied) - {0}
        read, count = lane.read_bytes, len(applied or ())
        while (record := read()) is not None:
            count += 1
            instrument = apply_book(record, self._tops)
            if instrument > 0:
                changed.add(instrument)
            elif instrument < 0:
                self._forget()
        return count

    def _forget(self) -> None:
        """Use no top until its next record: the lost records may have said that it is wrong."""
        for top in self._tops.values():
            top.forget()
