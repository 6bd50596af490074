"""What execution publishes of each working step: how far it had read every lane, for an exact replay.

The cursors are those of each feed's BOOKS, of COMMANDS, of each strategy's INTENTS, and of each feed's TICKS, in the
order of the configuration. The first cell is the sequence of the cell HALT.
"""

from collections.abc import Sequence

from engine.lanes.ports import RingReader, RingWriter
from engine.model.step import StepPacker


class Steps:
    """The STEPS lane of execution."""

    def __init__(self, lane: RingWriter, role: int, inputs: Sequence[RingReader]) -> None:
        """Publish for the role of this number, which reads these lanes."""
        self._publish, self._inputs = lane.publish_bytes, inputs
        self._pack = StepPacker(role, len(inputs), 1).pack
        self._count = 0

    def publish(self, now_ns: int, work: int, halt_sequence: int) -> None:
        """Publish one step."""
        self._count += 1
        cursors = [lane.cursor for lane in self._inputs]
        self._publish(self._pack(now_ns, 0, work, self._count, cursors, (halt_sequence,)))
