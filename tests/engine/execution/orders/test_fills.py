"""Known fills: what a repeated number may say, what is forgotten first, and how much is kept."""

import pytest

from engine.execution.orders import fills
from engine.execution.orders.fills import KnownFills, Trade

TRADE = Trade(7, 1, 100, 5, 1000)


def known_of(*trades: Trade) -> KnownFills:
    """Fills numbered from 1 on."""
    known = KnownFills()
    for number, trade in enumerate(trades, start=1):
        known.add(number, trade, 0)
    return known


def test_as_many_fills_are_kept_as_architecture_says() -> None:
    """A machine's memory is planned by these figures."""
    assert (fills.FILLS_KEPT, fills.UNAUDITED_MOST) == (16_384, 65_536)


@pytest.mark.parametrize(("field", "value"), [(0, 8), (1, -1), (2, 101), (3, 6)])
def test_order_side_price_and_size_are_compared(field: int, value: int) -> None:
    """The time is not: an answer tells another than the listing."""
    known = known_of(TRADE)
    assert not known.contradicts(1, TRADE)
    assert not known.contradicts(1, TRADE._replace(venue_ns=2000))
    assert known.contradicts(1, Trade(*(value if at == field else one for at, one in enumerate(TRADE))))


def test_a_number_that_was_never_heard_of_is_new() -> None:
    """A fill taken for a repetition is a position that is wrong."""
    known = known_of(TRADE)
    assert (1 in known, 2 in known, 0 in KnownFills(), 1 in KnownFills()) == (True, False, True, False)
    assert not KnownFills().contradicts(0, TRADE._replace(venue_ns=0))
    assert KnownFills().contradicts(1, TRADE._replace(venue_ns=1))


def test_what_an_order_has_filled_is_the_sum_of_its_own_fills() -> None:
    """An order that is adopted again begins with it; counted twice or not at all, its rest is wrong."""
    known = known_of(TRADE, TRADE._replace(venue_order_id=8, size=20), TRADE._replace(size=3))
    assert (known.filled(7), known.filled(8), known.filled(9)) == (8, 20, 0)


def test_fills_are_forgotten_up_to_the_watermark_and_only_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the venue's listing has not gone past may be told once more, and would be counted again."""
    monkeypatch.setattr(fills, "FILLS_KEPT", 3)
    known, kept = KnownFills(), []
    for number in range(1, 8):
        known.add(number, TRADE._replace(venue_ns=number * 10), watermark=3)
        kept.append(list(known.trades))
    assert kept[2:] == [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6], [4, 5, 6, 7]]
    assert (known.floor_id, known.floor_ns) == (3, 30)
    assert all(number in known for number in range(1, 8))
    known.forget(9)
    assert list(known.trades) == [5, 6, 7]


def test_the_floor_is_the_highest_number_and_the_latest_time_of_what_was_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Listings come in any order: a floor that sinks lets a repetition in as a new fill."""
    monkeypatch.setattr(fills, "FILLS_KEPT", 1)
    known = KnownFills()
    for number, venue_ns in ((5, 50), (4, 70), (6, 20), (9, 90)):
        known.add(number, TRADE._replace(venue_ns=venue_ns), watermark=8)
    assert (list(known.trades), known.floor_id, known.floor_ns) == ([9], 6, 70)
    assert not known.contradicts(6, TRADE._replace(venue_ns=70))
    assert known.contradicts(6, TRADE._replace(venue_ns=71)), "later than all that was forgotten: it counts anew"


def test_entries_stop_only_beyond_as_many_unaudited_fills_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound itself is inside."""
    monkeypatch.setattr(fills, "UNAUDITED_MOST", 2)
    found = [known_of(*[TRADE] * number).overdue for number in (0, 1, 2, 3)]
    assert found == [False, False, False, True]
