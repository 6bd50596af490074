"""What execution publishes of each working step: how far it had read every lane, for an exact replay.

The cursors are those of each feed's BOOKS, of COMMANDS, and of each strategy's INTENTS, in the order of the
configuration. The first cell is the sequence of the cell HALT.
"""

from collections.abc import Sequence

from engine.lanes.ports import RingReader, RingWriter
from engine.model.codec import Codec
from engine.model.records import STEP, STEP_CELLS, STEP_CURSORS
from engine.model.step import Step, records_of

CODEC = Codec(STEP)


class Steps:
    """The STEPS lane of execution."""

    def __init__(self, lane: RingWriter, role: int, inputs: Sequence[RingReader]) -> None:
        """Publish for the role of this number, which reads these lanes."""
        self._publish, self._role, self._inputs = lane.publish_bytes, role, inputs
        self._count = 0
        self._pack = None
        if len(inputs) <= STEP_CURSORS:
            names = ("now_ns", "work", "role", "step", "inputs", "cursors", "cells")
            self._pack = CODEC.prepare(*names, cursors=len(inputs), cells=1)

    def publish(self, now_ns: int, work: int, halt_sequence: int) -> None:
        """Publish one step."""
        self._count += 1
        cursors = [lane.cursor for lane in self._inputs]
        if self._pack is not None:
            self._publish(self._pack(now_ns, work, self._role, self._count, len(cursors), *cursors, halt_sequence))
        else:
            self._publish(self._several(now_ns, work, cursors, halt_sequence))

    def _several(self, now_ns: int, work: int, cursors: list[int], halt_sequence: int) -> bytes:
        """The records of a step whose cursors do not fit in one."""
        cells = (halt_sequence, *(0,) * (STEP_CELLS - 1))
        step = Step(
            now_ns=now_ns, monotonic_ns=0, work=work, role=self._role, step=self._count, cursors=tuple(cursors),
            cells=cells,
        )  # fmt: skip
        return b"".join(map(CODEC.pack_row, records_of(step)))
