"""The world whose disk has no room, or fails, for drawn intervals: nothing is lost, and only exits leave meanwhile.

    no room    ENOSPC or EIO where the journal reserves its next segment; a new life cannot reserve the rest of the last
    failed     EIO of one flush: execution ends, because data may be lost, and its next life goes on from the ring

Always     while the disk has refused the next segment, no order leaves that makes a position larger
At the end the journal has every record from the first to the last without a gap, and no record waits in memory
"""

import errno
from collections.abc import Callable
from random import Random

from engine.chaos.exits import ExitsOnly
from engine.chaos.invariants import HaltWatch
from engine.chaos.world import EXECUTION, MS, SECOND_NS, Mishaps, RoleSlot, World
from engine.execution.journal.journal import read_journal
from engine.execution.journal.journal_file import reserve_disk
from engine.execution.restore.disk import DirectDisk
from engine.execution.role import Execution

NO_ROOM_NS = 1_500 * MS  # the mean time between two intervals without room
FAILED_FLUSH_NS = 3 * SECOND_NS  # the same, of flushes
LASTS_NS = (50 * MS, 1_500 * MS)


class FaultyDisk(DirectDisk):
    """A disk that refuses while the world makes it."""

    def __init__(self, errors: Callable[[], tuple[int, int]]) -> None:
        """`errors` gives the error of a reservation now, and that of a flush; 0: none."""
        super().__init__(self._reserve)
        self._errors = errors
        self.refused = False  # at the last reservation

    def sync(self, descriptor: int) -> None:
        """Flush the file, or fail."""
        if error := self._errors()[1]:
            raise OSError(error, "the flush failed")
        super().sync(descriptor)

    def _reserve(self, descriptor: int, size: int) -> None:
        error = self._errors()[0]
        self.refused = bool(error)
        if error:
            raise OSError(error, "no room")
        reserve_disk(descriptor, size)


class DiskFaultWorld(World):
    """The world with such a disk."""

    def __init__(self, seed: int, mishaps: Mishaps | None = None) -> None:
        """Begin with a good disk."""
        self._draw = Random(f"disk:{seed}")  # noqa: S311 - a chaos must be repeatable
        self._error = self._flush_error = 0
        self._until_ns = 0
        self._refused = False  # when execution began its step
        self.disk = FaultyDisk(self._errors)
        super().__init__(seed, mishaps)
        self._exits = ExitsOnly(self.invariants.holdings, self.instruments)
        self.halt.check = self._check  # type: ignore[method-assign] # every request of execution passes here

    def make_disk(self) -> FaultyDisk:
        """A life's view of the one disk: what the former life was refused, it does not know yet."""
        self.disk = FaultyDisk(self._errors)
        return self.disk

    def settle(self) -> None:
        """End the faults of the disk too."""
        self._error = self._flush_error = self._until_ns = 0
        self._draw_disk = lambda: None  # type: ignore[method-assign]
        super().settle()

    def check_end(self) -> None:
        """The journal is whole as well."""
        super().check_end()
        role = next(slot.role for slot in self.slots if slot.name == EXECUTION)
        assert isinstance(role, Execution)
        assert not role.journal.full, "the disk has room, and the journal is still full"
        assert not role.journal.file.waiting, f"{role.journal.file.waiting} records were never written"
        found = [entry.sequence for entry in read_journal(self.journal)]
        assert found == list(range(1, role.journal.sequence + 1)), f"the journal has {len(found)} of its records"

    def _errors(self) -> tuple[int, int]:
        return self._error, self._flush_error

    def _draw_mishaps(self) -> None:
        super()._draw_mishaps()
        self._draw_disk()

    def _draw_disk(self) -> None:
        """Begin or end an interval without room; have a flush fail."""
        if self._until_ns and self.now_ns >= self._until_ns:
            self._error = self._until_ns = 0
        elif not self._until_ns and self._occurs(NO_ROOM_NS):
            self.counts["intervals_without_room"] += 1
            self._error = self._draw.choice((errno.ENOSPC, errno.EIO))
            self._until_ns = self.now_ns + self._draw.randrange(*LASTS_NS)
        if self._occurs(FAILED_FLUSH_NS):
            self._flush_error = errno.EIO

    def _occurs(self, mean_ns: int) -> bool:
        """As `_happens`, from the disk's own draws."""
        return self._draw.randrange(mean_ns) < MS

    def _step(self, slot: RoleSlot) -> None:
        if slot.name == EXECUTION:
            self._refused = self.disk.refused
            self.counts["steps_without_room"] += self._refused
        super()._step(slot)

    def _guard(self, slot: RoleSlot, act: Callable[[RoleSlot], None]) -> None:
        """A flush that fails ends execution, in a step and in a start."""
        try:
            super()._guard(slot, act)
        except OSError:
            if not self._flush_error or slot.name != EXECUTION:
                raise
            self._flush_error = 0
            self._on_death(slot, "of_a_failed_flush")

    def _check(self, payload: bytes) -> None:
        """No order that makes a position larger leaves while there is no room."""
        HaltWatch.check(self.halt, payload)
        if not self._refused:
            return
        self.counts["requests_without_room"] += 1
        self.counts["exits_without_room"] += self._exits.check(payload, "the disk has no room")
