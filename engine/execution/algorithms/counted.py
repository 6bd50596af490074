"""Counts what the market traded in the parent's instrument since the start, our own fills included."""

from engine.execution.algorithms.prints import Place
from engine.execution.algorithms.serial import Serial
from engine.model.fixed import INT64_MAX

NOWHERE = Place(-1, 0)


class Counted(Serial):
    """One parent that counts prints."""

    prints = True
    volume = 0
    place = NOWHERE  # of the print after the newest counted one

    @property
    def counted(self) -> Place | None:
        """Which prints were counted; None: none yet."""
        return None if self.place == NOWHERE else self.place

    def count(self, size: int, after: Place) -> None:
        """Count a print, once."""
        if self.place.feed != after.feed or self.place.sequence < after.sequence:
            self.volume = min(self.volume + size, INT64_MAX)
            self.place = after

    def dump_count(self) -> tuple[int, ...]:
        """The volume and the place."""
        return (self.volume, *self.place)

    def load_count(self, volume: int, feed: int, sequence: int) -> None:
        """Continue with what `dump_count` returned; a place that was never set is zeros."""
        self.volume, self.place = volume, Place(feed, sequence) if sequence else NOWHERE
