"""The protocol of the ring, the lossless ring and the wake, explored completely for small sizes.

Each configuration visits every state: every interleaving, every message a load may take, every instruction at
which a writer may be killed. Each planted mutation must be caught, or the explorer proves nothing.
"""

import pytest

from tests.shm.model.memory import Limits, Program, Violation, explore
from tests.shm.model.protocol import (
    LIMIT_TICKS,
    Shape,
    lossless_consumer,
    lossless_producer,
    ring_reader,
    ring_writer,
    ringer,
    sleeper,
    stranded,
)

soak = (pytest.mark.soak, pytest.mark.timeout(1800))


@pytest.mark.parametrize(
    ("shape", "view", "crashes"),
    [
        (Shape(2, 1, 4), 1, 0),
        (Shape(2, 1, 4), 1, 1),
        (Shape(2, 1, 2), 1, 2),
        (Shape(4, 1, 5), 1, 1),
        (Shape(4, 2, 6, batch=2), 1, 1),
        (Shape(4, 2, 6, batch=2), 2, 1),
        pytest.param(Shape(4, 1, 7), 2, 1, marks=soak),
        pytest.param(Shape(4, 2, 6, batch=2), 2, 2, marks=soak),
    ],
    ids=str,
)
def test_a_ring_never_shows_a_torn_wrong_or_silently_lost_record(shape: Shape, view: int, crashes: int) -> None:
    """The promise every lane rests on, under every order the hardware may choose and every death."""
    found = explore([ring_writer(shape), ring_reader(shape, view=view)], shape.memory, Limits(crashes=crashes))
    assert found.ends
    assert {end[1].r for end in found.ends} == {shape.total}


def test_two_readers_do_not_disturb_each_other() -> None:
    """A reader writes nothing; the product of two is explored once to show it."""
    shape = Shape(2, 1, 3)
    assert explore([ring_writer(shape), ring_reader(shape), ring_reader(shape)], shape.memory).ends


@pytest.mark.parametrize(
    ("shape", "crashes"),
    [(Shape(4, 1, 6), 0), (Shape(4, 1, 5), 1), pytest.param(Shape(4, 1, 6), 2, marks=soak)],
    ids=str,
)
def test_a_cell_never_shows_a_torn_value(shape: Shape, crashes: int) -> None:
    """A cell is a ring of four slots, reserve one, of which a reader reads only the newest value."""
    programs = [ring_writer(shape), ring_reader(shape, newest_only=True)]
    assert explore(programs, shape.memory, Limits(crashes=crashes)).ends


@pytest.mark.parametrize(
    ("shape", "writer", "reader"),
    [
        (Shape(2, 1, 4), "no_writer_fence", ""),
        (Shape(2, 1, 4), "relaxed_publish", ""),
        (Shape(2, 1, 4), "", "no_reader_fence"),
        (Shape(2, 1, 4), "", "relaxed_cursor"),
        (Shape(2, 1, 4), "", "no_recheck"),
        (Shape(2, 0, 4), "", ""),
        (Shape(4, 1, 6, batch=2), "", ""),
    ],
    ids=["no writer fence", "relaxed publish", "no reader fence", "relaxed cursor", "no re-check", "no slack",
         "batch over reserve"],
)  # fmt: skip
def test_a_mutation_of_the_ring_is_caught(shape: Shape, writer: str, reader: str) -> None:
    """Each part of the protocol is needed: without it a torn or wrong record is accepted."""
    with pytest.raises(Violation, match="torn or wrong record"):
        explore([ring_writer(shape, writer), ring_reader(shape, reader)], shape.memory)


def test_a_lock_that_did_not_order_the_dead_before_the_living_would_be_caught() -> None:
    """The kernel's part of the protocol: a dead writer's stores are all down before its successor's first."""
    shape = Shape(2, 1, 3)
    with pytest.raises(Violation, match="torn or wrong record"):
        explore([ring_writer(shape), ring_reader(shape)], shape.memory, Limits(crashes=1, handover=False))


@pytest.mark.parametrize(
    ("shape", "crashes"),
    [
        (Shape(2, 1, 4), 0),
        (Shape(2, 1, 4), 2),
        (Shape(2, 0, 4), 0),
        (Shape(4, 1, 5), 0),
        (Shape(4, 2, 6, batch=2), 1),
        pytest.param(Shape(4, 1, 5), 1, marks=soak),
    ],
    ids=str,
)
def test_a_lossless_ring_loses_nothing(shape: Shape, crashes: int) -> None:
    """An intent is read at least once, whole, whichever of the two dies and wherever."""
    programs = [lossless_producer(shape), lossless_consumer(shape)]
    found = explore(programs, shape.memory, Limits(crashes=crashes))
    assert {end[1].skip for end in found.ends} == {shape.total}


def test_a_looker_on_at_a_lossless_ring_sees_no_torn_record() -> None:
    """A read-only looker-on is not waited for; the lap rule protects it as on any ring."""
    shape = Shape(2, 1, 3)
    programs = [lossless_producer(shape), lossless_consumer(shape), ring_reader(shape)]
    assert explore(programs, shape.memory).ends


@pytest.mark.parametrize(
    ("producer", "consumer", "reserve"),
    [
        ("capacity_off_by_one", "", 1),
        ("relaxed_publish", "", 1),
        ("", "relaxed_cursor", 1),
        ("", "ack_before_read", 0),
    ],
    ids=["limit off by one", "relaxed publish", "relaxed cursor", "acknowledge before read"],
)
def test_a_mutation_of_the_lossless_ring_is_caught(producer: str, consumer: str, reserve: int) -> None:
    """Each rule between producer and consumer is needed; the slack alone would hide an early acknowledgement."""
    shape = Shape(2, reserve, 4)
    with pytest.raises(Violation, match=r"torn or wrong record|lost a record"):
        explore([lossless_producer(shape, producer), lossless_consumer(shape, consumer)], shape.memory)


def test_acknowledging_before_reading_loses_a_record_in_a_crash() -> None:
    """Even a consumer that reads in time must not acknowledge first: its death in between would lose the intent."""
    shape = Shape(4, 1, 3)
    programs = [lossless_producer(shape), lossless_consumer(shape, "ack_before_read")]
    with pytest.raises(Violation, match="lost a record"):
        explore(programs, shape.memory, Limits(crashes=1))


def wake_of(
    writer: str = "", reader: str = "", *, total: int = 2, crashes: int = 0, staleness: int = LIMIT_TICKS - 1
) -> int:
    """Explore a few publishes and a sleeper, for as long as time goes on."""
    programs: list[Program] = [ringer(total, writer), sleeper(total, reader)]
    limits = Limits(crashes=crashes, timed=True, staleness=staleness)
    return explore(programs, [0], limits, stranded).states


@pytest.mark.parametrize(("total", "crashes"), [(2, 0), (2, 1), pytest.param(3, 1, marks=soak)])
def test_no_sleeper_is_stranded(total: int, crashes: int) -> None:
    """At most one wake an idle edge, and yet no reader sleeps on while there is a record to read."""
    assert wake_of(total=total, crashes=crashes) > 1000


@pytest.mark.parametrize(
    ("writer", "reader", "crashes"),
    [
        ("clock_before_only", "", 0),
        ("no_wake", "", 0),
        ("no_wake_at_takeover", "", 1),
        ("", "reader_waits_half", 0),
        ("", "reader_clock_before_load", 0),
        ("", "no_compare", 0),
    ],
)
def test_a_mutation_of_the_wake_is_caught(writer: str, reader: str, crashes: int) -> None:
    """Each rule of the idle edge is needed, the order of clock and cursor on both sides included."""
    with pytest.raises(Violation, match="asleep at"):
        wake_of(writer, reader, crashes=crashes)


def test_a_store_hidden_longer_than_the_edge_would_be_caught() -> None:
    """The hardware's part of the wake: a store buffer drains within T (50 us; it is under one)."""
    with pytest.raises(Violation, match="asleep at"):
        wake_of(staleness=2 * LIMIT_TICKS)
