"""What execution publishes of each working step: how far it had read every lane, for an exact replay.

The cursors are those of each feed's BOOKS, of COMMANDS, and of each strategy's INTENTS, in the order of the
configuration. The first cell is the sequence of the cell HALT.
"""

from collections.abc import Sequence

from engine.lanes.ports import RingReader, RingWriter
from engine.model.codec import Codec
from engine.model.records import STEP, STEP_CURSORS
from engine.model.step import Step, records_of

CODEC = Codec(STEP)


class Steps:
    """The STEPS lane of execution."""

    def __init__(self, lane: RingWriter, role: int, inputs: Sequence[RingReader]) -> None:
        """Publish for the role of this number, which reads these lanes."""
        self._lane, self._role, self._inputs = lane, role, inputs
        self._count = 0
        self._padding = [0] * (STEP_CURSORS - len(inputs))

    def publish(self, now_ns: int, work: int, halt_sequence: int) -> None:
        """Publish one step."""
        self._count += 1
        cursors, cells = [lane.cursor for lane in self._inputs], (halt_sequence, 0, 0, 0)
        if (count := len(cursors)) <= STEP_CURSORS:
            cursors += self._padding
            self._lane.publish(now_ns, 0, work, self._role, self._count, 0, count, cursors, cells)
        else:
            step = Step(now_ns, 0, work, self._role, self._count, tuple(cursors), cells)
            self._lane.publish_bytes(b"".join(map(CODEC.pack_row, records_of(step))))
