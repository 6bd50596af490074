"""The bench of halts: it measures from the store of the word, and runs from end to end at a small size."""

import os

import pytest

import shm
from bench import halt

ORDER, CANCEL = halt.ORDER, halt.CANCEL
US, MS = 1_000, 1_000_000
TRIAL = halt.Trial(100 * MS, 200 * MS, frozenset({7, 8}))
PLAIN = [(90 * MS, ORDER, 0), (99 * MS, ORDER, 0), (101 * MS, CANCEL, 7), (104 * MS, CANCEL, 8)]


def test_without_an_order_after_the_word_the_halt_took_no_time() -> None:
    """What was sent before the store is no order of a halted system."""
    found = halt.figures([TRIAL], PLAIN)
    assert (found["halt_p99_us"], found["trials_with_an_order_after"], found["cancels_out_p99_ms"]) == (0, 0, 4)
    assert found["submitted_per_second"] == 2 * 1e9 / halt.RATE_NS


def test_the_last_order_counts_however_late_it_is() -> None:
    """An order after the last cancel is the worst that a halt can do: no rule may leave it out."""
    found = halt.figures([TRIAL], sorted([*PLAIN, (100 * MS + 40 * US, ORDER, 0), (190 * MS, ORDER, 0)]))
    assert (found["halt_p99_us"], found["halt_max_us"], found["trials_with_an_order_after"]) == (90_000, 90_000, 1)


def test_orders_after_the_resume_belong_to_no_halt() -> None:
    """The strategy submits again at once."""
    found = halt.figures([TRIAL], [*PLAIN, (201 * MS, ORDER, 0), (202 * MS, CANCEL, 7)])
    assert (found["halt_p99_us"], found["cancels_out_p99_ms"]) == (0, 4)


def test_the_cancel_of_an_order_that_was_not_open_is_counted_apart() -> None:
    """It has to wait for the venue's answer, which is no work of the halt."""
    found = halt.figures([TRIAL], [*PLAIN, (130 * MS, CANCEL, 9)])
    assert (found["cancels_out_p99_ms"], found["with_those_under_way_p99_ms"]) == (4, 30)


def test_an_open_order_without_a_cancel_is_refused() -> None:
    """The figure would be of the others only."""
    with pytest.raises(SystemExit, match="of 2 open orders 1 were not cancelled"):
        halt.figures([TRIAL], PLAIN[:3])


@pytest.mark.timeout(240)
def test_every_kind_of_halt_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real execution is halted with its strategy running, in an endless loop, and after a burst of intents."""
    monkeypatch.setattr(halt, "TURN_NS", 20 * MS)  # a busy machine's venue keeps up with it
    monkeypatch.setattr(halt, "BACKLOG", 50)
    before = dict(os.environ), os.sched_getaffinity(0)
    found = halt.measure(1)
    assert set(found["halt_rows"]) == set(halt.KINDS)
    for row in found["halt_rows"].values():
        assert 0 <= row["halt_p50_us"] <= row["halt_p99_us"] <= row["halt_max_us"]
        assert 0 < row["cancels_out_p50_ms"] <= row["cancels_out_p99_ms"] <= row["cancels_out_max_ms"]
    counted = [found["halt_rows"][kind] for kind in halt.COUNTED]
    assert found["halt_p99_us"] == max(row["halt_p99_us"] for row in counted)
    assert found["cancels_out_p99_ms"] == max(row["cancels_out_p99_ms"] for row in counted)
    assert shm.names(f"bench{os.getpid()}") == []
    assert (dict(os.environ), os.sched_getaffinity(0)) == before
