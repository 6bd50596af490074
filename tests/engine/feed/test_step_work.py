"""One step's work is bounded: whatever lay in the socket, the process beats between two shares of it."""

from collections.abc import Iterator

import pytest

from engine.model.words import BookState
from engine.venues.port import PortState
from tests.engine.feed.books.test_exchange_feed import acknowledged, make
from tests.engine.feed.feed_fakes import Bench, diff
from tests.engine.venues.coinbase_exchange.exchange_oracle import made, name, opened, raw

STEP_BYTES = 1 << 18
LEVELS, MESSAGES = 6_000, 12  # of 100 KB each


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A feed of one symbol."""
    found = Bench()
    yield found
    found.close()


def shares(bench: Bench, frames: list[bytes]) -> list[int]:
    """Let one look bring all of them; return the bytes that each step reads."""
    bench.stream.inbox.extend(frames)
    consumed, left = [], list(frames)
    while left:
        before = bench.feed.pipeline.frames
        bench.step(0.0)
        count = bench.feed.pipeline.frames - before
        assert count, "a step without progress while frames wait"
        consumed.append(sum(map(len, left[:count])))
        del left[:count]
    return consumed


def test_many_messages_of_many_levels_are_applied_in_several_steps(bench: Bench) -> None:
    """A dozen of them in one look were one step without a beat, and the supervisor kills who does not beat."""
    bench.good()
    book, frames = bench.feed.pipeline.tracks[0].book, []
    before = book.count(-1)
    for turn in range(MESSAGES):
        levels = [[f"{102 + (turn * LEVELS + place) / 100:.2f}", "1"] for place in range(LEVELS)]
        frames.append(diff(111 + turn, 111 + turn, [], levels))
    largest = max(map(len, frames))
    consumed = shares(bench, frames)
    assert len(consumed) >= sum(map(len, frames)) // (STEP_BYTES + largest)
    assert max(consumed) < STEP_BYTES + largest
    assert bench.state() == BookState.GOOD
    assert LEVELS * MESSAGES <= book.count(-1) <= LEVELS * MESSAGES + before


@pytest.mark.parametrize("behind", range(4))
def test_the_messages_after_a_large_one_are_applied_once_and_then_the_socket_is_read_again(
    bench: Bench, behind: int
) -> None:
    """A feed that processes the last of them again and again never reads its socket: every book of it stops."""
    bench.good()
    levels = [[f"{102 + place / 100:.2f}", "1"] for place in range(3 * LEVELS)]
    small = [diff(112 + turn, 112 + turn, [], [["101.00", f"{turn + 1}"]]) for turn in range(behind)]
    frames = [diff(111, 111, [], levels), *small]
    assert len(frames[0]) > STEP_BYTES
    before = bench.feed.pipeline.frames
    shares(bench, frames)
    bench.step(0.0, diff(112 + behind, 112 + behind, [], [["101.00", "9"]]))
    bench.step(0.0)
    assert bench.feed.pipeline.frames - before == len(frames) + 1
    assert bench.state() == BookState.GOOD
    assert bench.feed.pipeline.tracks[0].book.top(-1, 1)[0][1] == 9 * 10**5


def test_a_burst_of_orders_is_applied_in_several_steps_and_in_order() -> None:
    """Where a venue sends every order a message is small, and a look brings thousands."""
    bench = make("coinbase-exchange", levels=True)
    try:
        bench.step(0.02, acknowledged("full", "heartbeat"))
        for _ in range(40):
            bench.step()
        bench.step(0.02, raw(made("received", 101)), raw(made("received", 501, product="ETH-USD")))
        frames = [raw(opened(102 + number, name(1000 + number), "90.00", "1")) for number in range(4_000)]
        consumed = shares(bench, frames)
        assert len(consumed) >= 2
        assert max(consumed) < STEP_BYTES + max(map(len, frames))
        assert bench.state(7) == BookState.GOOD, "a share that was lost or overtaken would be a gap"
    finally:
        bench.close()


def test_what_came_before_the_end_of_a_connection_is_applied_before_it_is_dropped(bench: Bench) -> None:
    """The prints of the last moment are as true as the others."""
    bench.good()
    before = bench.feed.pipeline.frames
    frames = [diff(111 + turn, 111 + turn, [], [["150.00", "1"]] * LEVELS) for turn in range(MESSAGES)]
    bench.stream.inbox.extend(frames)
    bench.step(0.02)
    bench.stream.state = PortState.CLOSED
    for _ in range(2 * MESSAGES):
        bench.step(0.02)
    assert bench.feed.pipeline.frames - before >= MESSAGES
    assert bench.feed.connections.failure
