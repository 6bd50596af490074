"""The rule by which a bench calls the memory of a process flat."""

from pathlib import Path

import pytest

from bench.execution import memory_text
from bench.memory import KIB, MIB, Memory, growth, is_flat, read_memory

EACH = 40_000


def readings(*anonymous: int) -> list[Memory]:
    """A reading after each forty thousand orders."""
    return [Memory(EACH * index, one, 0) for index, one in enumerate(anonymous)]


def test_memory_that_fills_a_bound_and_then_stays_is_flat() -> None:
    """Done orders and fills are kept up to a bound; the begin of a run says nothing."""
    assert is_flat(readings(*range(0, 70 * MIB, 10 * MIB), *[60 * MIB] * 4))


@pytest.mark.parametrize(("each", "flat"), [(8, False), (1, True), (-8, True)])
def test_a_pointer_kept_for_each_order_is_found(each: int, flat: bool) -> None:
    """The smallest leak of Python keeps eight bytes; less is the counting of the kernel."""
    found = readings(*(40 * MIB + each * EACH * index for index in range(11)))
    assert growth(found) == pytest.approx(each)
    assert is_flat(found) == flat


def test_a_burst_that_needs_more_memory_once_is_no_leak() -> None:
    """Under load more messages wait at once than before; the memory for them is used again."""
    assert is_flat(readings(*[40 * MIB] * 9, *[40 * MIB + 400 * KIB] * 2))
    assert not is_flat(readings(*[40 * MIB] * 9, 41 * MIB, 42 * MIB))


def test_a_reading_is_of_the_process_and_without_what_the_bench_keeps(tmp_path: Path) -> None:
    """Touched pages of the lanes are no growth, and neither are the rows of the bench."""
    status = tmp_path / "status"
    status.write_text("Name:\tx\nRssAnon:\t   40 kB\nRssFile:\t 7 kB\nRssShmem:\t  9 kB\n")
    assert read_memory(3, 10 * KIB, status) == Memory(3, 30 * KIB, 9 * KIB)
    assert read_memory(0).anonymous > MIB


def test_a_short_run_is_not_judged() -> None:
    """Risk counts the orders of a minute: a run without a minute before it grows, and that is no leak."""
    assert "not judged" in memory_text(16.0, None)
    assert "NOT FLAT" in memory_text(16.0, False)
