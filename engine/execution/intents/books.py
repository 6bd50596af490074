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
        applied: list[int] = []
        for feed, lane in enumerate(self._lanes):
            in_place = self._intake.read_books(feed)
            applied += self._read_records(lane) if in_place is None else in_place
        if applied and self._parents.working:
            for instrument in sorted(set(applied) - {0}):
                self._parents.on_book(instrument, now_ns)
        return len(applied)

    def _read_records(self, lane: RingReader) -> list[int]:
        """Apply one feed's newest tops; 0 in place of an instrument for a record without a top here, and for a lap."""
        applied = []
        while (record := lane.read_bytes()) is not None:
            instrument = apply_book(record, self._tops)
            if instrument < 0:
                self._forget()
            applied.append(max(0, instrument))
        return applied

    def _forget(self) -> None:
        """Use no top until its next record: the lost records may have marked the book as not good."""
        for top in self._tops.values():
            top.forget()
