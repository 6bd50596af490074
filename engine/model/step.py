"""One step of a role, and the STEP records that hold it.

    step with 10 inputs     [ first 0, inputs 10 ]
    step with 40 inputs     [ first 0, inputs 40 ][ first 15, inputs 40 ][ first 30, inputs 40 ]

A record has room for STEP_CURSORS cursors. A step with more inputs is several records, which differ only in `first` and
`cursors`. The role publishes them as one batch, so a reader sees all of them or none.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from engine.model.codec import Codec
from engine.model.records import STEP, STEP_CELLS, STEP_CURSORS
from engine.model.rows import StepRow

CODEC = Codec(STEP)


class Step(NamedTuple):
    """A whole step: its time, how far the role had read every input, and what else its replay needs."""

    now_ns: int
    monotonic_ns: int
    work: int
    role: int
    step: int
    cursors: tuple[int, ...]
    cells: tuple[int, ...]


def records_of(step: Step) -> Iterator[StepRow]:
    """Give the rows that hold a step, in their order."""
    inputs = len(step.cursors)
    for first in range(0, max(inputs, 1), STEP_CURSORS):
        part = step.cursors[first : first + STEP_CURSORS]
        padding = (0,) * (STEP_CURSORS - len(part))
        yield StepRow(
            now_ns=step.now_ns, monotonic_ns=step.monotonic_ns, work=step.work, role=step.role, step=step.step,
            first=first, inputs=inputs, cursors=part + padding, cells=step.cells,
        )  # fmt: skip


def steps_of(rows: Iterable[StepRow]) -> Iterator[Step]:
    """Give the steps that rows hold. A step whose first rows are lost is left out."""
    cursors: tuple[int, ...] = ()
    for row in rows:
        if row.first != len(cursors):
            cursors = ()
        if row.first == len(cursors):
            cursors += tuple(row.cursors)[: row.inputs - row.first]
            if len(cursors) == row.inputs:
                yield Step(row.now_ns, row.monotonic_ns, row.work, row.role, row.step, cursors, tuple(row.cells))
                cursors = ()


class StepPacker:
    """Makes the bytes of one role's steps, by one prepared struct where the cursors fit in one record."""

    def __init__(self, role: int, inputs: int, cells: int) -> None:
        """For the role of this number, with so many inputs and so many cells."""
        self._role, self._inputs = role, inputs
        self._padding = (0,) * (STEP_CELLS - cells)
        names = ("now_ns", "monotonic_ns", "work", "role", "step", "inputs", "cursors", "cells")
        self._pack = CODEC.prepare(*names, cursors=inputs, cells=cells) if inputs <= STEP_CURSORS else None

    def pack(
        self, now_ns: int, monotonic_ns: int, work: int, step: int, cursors: Sequence[int], cells: tuple[int, ...]
    ) -> bytes:
        """The record of a step, or its records one after the other."""
        if self._pack is not None:
            return self._pack(now_ns, monotonic_ns, work, self._role, step, self._inputs, *cursors, *cells)
        whole = Step(
            now_ns=now_ns, monotonic_ns=monotonic_ns, work=work, role=self._role, step=step, cursors=tuple(cursors),
            cells=cells + self._padding,
        )  # fmt: skip
        return b"".join(map(CODEC.pack_row, records_of(whole)))
