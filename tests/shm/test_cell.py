"""A cell against a variable: the latest value, whole, for every reader, over every life of the writer."""

import struct
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import shm
from shm import Record
from tests.shm.content import HASHED

NUMBERS = count()
COUNT = 3
ODD = Record("odd", 72, {"a": "i8", "b": "64u1"})


class CellsAgainstVariables(RuleBasedStateMachine):
    """Cells behave as plain variables that count their writes."""

    @initialize()
    def begin(self) -> None:
        """Make the cells; the model is two lists."""
        self.lane = f"machine{next(NUMBERS)}.cells"
        shm.create(self.lane, ODD, "cells", count=COUNT)
        self.writer = shm.CellWriter(self.lane, ODD)
        self.reader = shm.CellReader(self.lane, ODD)
        self.values: list[tuple[int, tuple[int, ...]] | None] = [None] * COUNT
        self.writes = [0] * COUNT

    @rule(index=st.integers(0, COUNT - 1), a=st.integers(-(2**63), 2**63 - 1), b=st.binary(min_size=64, max_size=64))
    def write(self, index: int, a: int, b: bytes) -> None:
        """Assign."""
        self.writer.write(index, a, b)
        self.values[index] = (a, tuple(b))
        self.writes[index] += 1

    @rule(index=st.integers(0, COUNT - 1))
    def read(self, index: int) -> None:
        """The last value, or None before the first."""
        found = self.reader.read(index)
        assert (found and tuple(found)) == self.values[index]
        assert self.reader.sequence(index) == self.writes[index]
        sample = self.reader.sample(index)
        assert sample == (found and (self.writes[index], struct.pack("q64B", found[0], *found[1])))
        assert self.reader.writes == sum(self.writes)

    @rule()
    def restart_writer(self) -> None:
        """Values outlive their writer."""
        self.writer.close()
        self.writer = shm.CellWriter(self.lane, ODD)

    def teardown(self) -> None:
        """Leave nothing in /dev/shm."""
        if hasattr(self, "writer"):
            self.writer.close()
            shm.remove(self.lane)


TestCellsAgainstVariables = CellsAgainstVariables.TestCase
TestCellsAgainstVariables.settings = settings(max_examples=40, deadline=None)


def test_a_refused_value_leaves_the_cell_as_it_was(lane: str) -> None:
    """Half a value must never become the latest."""
    shm.create(lane, HASHED, "cells", count=1)
    writer, reader = shm.CellWriter(lane, HASHED), shm.CellReader(lane, HASHED)
    writer.write(0, 1, 2, [3] * 6)
    with pytest.raises(OverflowError):
        writer.write(0, 9, 9, [9, 9, 9, 9, 9, -(2**70)])
    assert tuple(reader.read()) == (1, 2, (3,) * 6)


@pytest.mark.parametrize("index", [COUNT, 2**40])
def test_a_cell_that_is_not_there_is_refused(lane: str, index: int) -> None:
    """An index beyond the segment would be someone else's memory."""
    shm.create(lane, HASHED, "cells", count=COUNT)
    with pytest.raises(IndexError, match=f"cell {index} of {COUNT}"):
        shm.CellReader(lane, HASHED).read(index)


def test_a_reader_cannot_write(lane: str) -> None:
    """The type is shared with the writer; the mapping decides."""
    shm.create(lane, HASHED, "cells", count=1)
    with pytest.raises(TypeError, match="read-only"):
        shm.CellReader(lane, HASHED).write(0, 1, 2, [3] * 6)
