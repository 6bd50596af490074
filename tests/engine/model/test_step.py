"""A step of a role in STEP records: one or several, read as one."""

import pytest

from engine.model.records import STEP, STEP_CURSORS
from engine.model.step import CODEC, Step, StepPacker, records_of, steps_of


def step(inputs: int, number: int = 1) -> Step:
    """A step with so many inputs, each read to another place."""
    return Step(1_000 + number, 7, 3, 2, number, tuple(range(100, 100 + inputs)), (9, 0, 0, 1))


@pytest.mark.parametrize("inputs", [0, 1, STEP_CURSORS - 1, STEP_CURSORS, STEP_CURSORS + 1, 42, 258])
def test_a_step_is_read_as_it_was_written(inputs: int) -> None:
    """Its replay needs each cursor, however many inputs the role has."""
    rows = list(records_of(step(inputs)))
    assert len(rows) == max(1, -(-inputs // STEP_CURSORS))
    assert list(steps_of(rows)) == [step(inputs)]


def test_a_record_holds_what_its_row_has() -> None:
    """The rows go through a lane as bytes: a row that does not fit its record would be found there first."""
    for row in records_of(step(42)):
        assert (row.inputs, len(row.cursors), len(row)) == (42, STEP_CURSORS, len(STEP.fields))


def test_steps_of_several_records_follow_each_other() -> None:
    """The end of one step and the begin of the next are found without a mark between them."""
    reported = [step(42, 1), step(3, 2), step(STEP_CURSORS, 3), step(31, 4)]
    assert list(steps_of(row for one in reported for row in records_of(one))) == reported


def test_a_step_whose_first_records_are_lost_is_left_out() -> None:
    """A reader that was overtaken begins inside a step: half of its cursors would be another replay."""
    rows = [*records_of(step(42, 1)), *records_of(step(42, 2))]
    assert list(steps_of(rows[1:])) == [step(42, 2)]
    assert list(steps_of(rows[:2] + rows[3:])) == [step(42, 2)]


@pytest.mark.parametrize("inputs", [0, 1, STEP_CURSORS, STEP_CURSORS + 1, 40])
def test_packed_steps_are_the_records_of_the_step(inputs: int) -> None:
    """Two ways make the bytes: a struct for what fits in one record, and rows. A replay must not see which it was."""
    cursors = tuple(range(100, 100 + inputs))
    data = StepPacker(7, inputs, 2).pack(1, 2, 3, 4, cursors, (5, 6))
    rows = [CODEC.unpack(data[at : at + STEP.size]) for at in range(0, len(data), STEP.size)]
    assert list(steps_of(rows)) == [Step(1, 2, 3, 7, 4, cursors, (5, 6, 0, 0))]
