"""The cache of indicators is never stale, and returns one array to all callers that nobody can change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.indicators import Definition, Ema, Indicator, Kind, Obv, Sma
from engine.indicators.cache import Cache


def prices(length: int) -> np.ndarray:
    """A random walk."""
    return np.random.default_rng(length).normal(size=length).cumsum() + 100


@settings(deadline=None)
@given(length=st.integers(1, 300), at=st.integers(0, 299), value=st.floats(width=64))
def test_a_change_of_any_element_is_a_miss(length: int, at: int, value: float) -> None:
    """Shape and tail are equal for most changes: an old value would be traded on as a new one."""
    cache, column = Cache(), prices(length)
    cache.over(Sma(3), column)
    column[at % length] = value
    np.testing.assert_array_equal(cache.over(Sma(3), column), Sma(3).over(column))


@pytest.mark.parametrize("at", range(50))
def test_a_change_of_the_last_bit_anywhere_is_a_miss(at: int) -> None:
    """The comparison is of bytes, not of rounded numbers."""
    cache, column = Cache(), prices(50)
    cache.over(Sma(3), column)
    column.view(np.int64)[at] ^= 1
    cache.over(Sma(3), column)
    assert (cache.hits, cache.misses) == (0, 2)


def test_the_same_numbers_elsewhere_are_a_hit() -> None:
    """What counts is the content: a table is often read anew."""
    cache, column = Cache(), prices(100)
    first = cache.over(Sma(3), column)
    assert cache.over(Sma(3), column.copy()) is first
    assert cache.over(Sma(3), list(column)) is first
    assert cache.over(Sma(3), np.repeat(column, 2)[::2]) is first
    assert (cache.hits, cache.misses) == (3, 1)


def test_each_indicator_parameter_and_output_has_its_own_entry() -> None:
    """Equal input is not equal work."""
    cache, column = Cache(), prices(100)
    for one in (Sma(3), Sma(4), Ema(3)):
        np.testing.assert_array_equal(cache.over(one, column), one.over(column))
    assert cache.misses == 3


def test_an_author_may_define_an_indicator_anew() -> None:
    """In a notebook a class is edited and run again under the same name."""

    def defined(factor: float) -> Indicator:
        class Scaled(Indicator):
            definition = Definition("scaled", "scaled", Kind.PRICE, ("price",), "…", lambda _: 1)

            def step(self, price: float) -> float:
                return price * factor

        return Scaled()

    cache, column = Cache(), prices(10)
    for factor in (2, 3):
        np.testing.assert_array_equal(cache.over(defined(factor), column), factor * column)


def test_columns_that_end_elsewhere_do_not_share_an_entry() -> None:
    """Two columns are one input together."""
    cache, close = Cache(), prices(20)
    volume = np.ones(20)
    cache.over(Obv(), close, volume)
    volume[5] = 7
    np.testing.assert_array_equal(cache.over(Obv(), close, volume), Obv().over(close, volume))
    np.testing.assert_array_equal(cache.over(Obv(), volume, close), Obv().over(volume, close))


def test_a_result_cannot_be_written() -> None:
    """The next caller receives the same array."""
    found = Cache().over(Sma(3), prices(10))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_the_cache_keeps_its_own_copy() -> None:
    """Else a change in place would change what it is compared with."""
    cache, column = Cache(), prices(10)
    cache.over(Sma(3), column)
    column += 1
    column -= 1.5
    np.testing.assert_array_equal(cache.over(Sma(3), column), Sma(3).over(column))


def test_records_of_a_lane_are_found_by_their_sequences() -> None:
    """A published record never changes, so a hit reads none; the next life of a writer is another source."""
    cache, column, reads = Cache(), prices(30), []

    def read() -> list[np.ndarray]:
        reads.append(1)
        return [column[:20]]

    first = cache.over_records(Sma(3), ("demo", "bars", "BTCUSDT", 1), 10, 30, read)
    assert cache.over_records(Sma(3), ("demo", "bars", "BTCUSDT", 1), 10, 30, read) is first
    for source, begin, end in ((("demo", "bars", "BTCUSDT", 2), 10, 30), (("demo", "bars", "BTCUSDT", 1), 11, 31)):
        cache.over_records(Sma(3), source, begin, end, read)
    assert len(reads) == 3
    with pytest.raises(ValueError, match="read 20 rows; expected 21, from 10 to 31"):
        cache.over_records(Sma(3), "other", 10, 31, read)


def test_the_memory_is_bounded_and_the_oldest_use_leaves_first() -> None:
    """A cache in a process that runs for weeks must not grow with what it has seen."""
    entry = 2 * prices(1000).nbytes
    cache = Cache(bytes_max=3 * entry)
    columns = [prices(1000) + i for i in range(4)]
    for one in columns[:3]:
        cache.over(Sma(3), one)
    cache.over(Sma(3), columns[0])
    cache.over(Sma(3), columns[3])
    assert (len(cache), cache.bytes) == (3, 3 * entry)
    misses = cache.misses
    cache.over(Sma(3), columns[0])
    assert cache.misses == misses
    cache.over(Sma(3), columns[1])
    assert cache.misses == misses + 1
    cache.over(Sma(3), prices(10_000))
    assert cache.bytes <= cache.bytes_max
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


def test_wrong_columns_are_refused_as_without_a_cache() -> None:
    """The error is the indicator's own."""
    with pytest.raises(TypeError, match="sma: 2 columns; expected 1: price"):
        Cache().over(Sma(3), prices(3), prices(3))
    with pytest.raises(TypeError, match="obv: 1 columns"):
        Cache().over(Obv(), prices(3))
    with pytest.raises(ValueError, match="different length"):
        Cache().over(Obv(), prices(3), prices(4))
    with pytest.raises(ValueError, match="bytes_max is -1"):
        Cache(-1)
