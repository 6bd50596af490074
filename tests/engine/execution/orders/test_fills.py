"""Known fills: what a repeated id may contain, what is forgotten first, and how much is kept."""

from typing import Any

import pytest

from engine.execution.orders import fills
from engine.execution.orders.fills import KnownFills, Trade
from engine.venues.binance.trading.fill_order import BinanceFillOrder

ORDER = BinanceFillOrder()
TRADE = Trade(b"7", 1, 100, 5, 1000)


def known_of(*trades: Trade) -> KnownFills:
    """Fills numbered from 1 on."""
    known = KnownFills(ORDER)
    for number, trade in enumerate(trades, start=1):
        known.add(b"%d" % number, trade, b"0")
    return known


def test_as_many_fills_are_kept_as_architecture_md_has() -> None:
    """A machine's memory is planned by these figures."""
    assert (fills.FILLS_KEPT, fills.UNAUDITED_MOST) == (16_384, 65_536)


@pytest.mark.parametrize(("field", "value"), [(0, b"8"), (1, -1), (2, 101), (3, 6)])
def test_order_side_price_and_size_are_compared(field: int, value: Any) -> None:
    """The time is not compared: an answer has another one than the listing."""
    known = known_of(TRADE)
    assert not known.contradicts(b"1", TRADE)
    assert not known.contradicts(b"1", TRADE._replace(venue_ns=2000))
    assert known.contradicts(b"1", Trade(*(value if at == field else one for at, one in enumerate(TRADE))))


def test_an_id_that_was_never_reported_is_new() -> None:
    """A fill that is treated as a repetition makes a wrong position."""
    known = known_of(TRADE)
    asked = (known.knows(b"1", 1), known.knows(b"2", 1), KnownFills(ORDER).knows(b"0", 1))
    assert asked == (True, False, False)
    assert not KnownFills(ORDER).contradicts(b"0", TRADE._replace(venue_ns=0))
    assert KnownFills(ORDER).contradicts(b"1", TRADE._replace(venue_ns=1))


def test_what_an_order_has_filled_is_the_sum_of_its_own_fills() -> None:
    """An order that is adopted again begins with it; counted twice or not at all, its rest is wrong."""
    known = known_of(TRADE, TRADE._replace(venue_order_id=b"8", size=20), TRADE._replace(size=3))
    assert (known.filled(b"7"), known.filled(b"8"), known.filled(b"9")) == (8, 20, 0)


def test_fills_are_forgotten_up_to_the_watermark_and_only_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fill that the venue's listing has not passed may arrive once more, and would be counted again."""
    monkeypatch.setattr(fills, "FILLS_KEPT", 3)
    known, kept = KnownFills(ORDER), []
    for number in range(1, 8):
        known.add(b"%d" % number, TRADE._replace(venue_ns=number * 10), b"3")
        kept.append([int(one) for one in known.trades])
    assert kept[2:] == [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6], [4, 5, 6, 7]]
    assert (known.floor, known.floor_ns) == (b"3", 30)
    assert all(known.knows(b"%d" % number, 1) for number in range(1, 8))
    known.forget(b"9")
    assert list(known.trades) == [b"5", b"6", b"7"]


def test_the_floor_is_the_highest_number_and_the_latest_time_of_what_was_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Listings come in any order: a floor that sinks lets a repetition in as a new fill."""
    monkeypatch.setattr(fills, "FILLS_KEPT", 1)
    known = KnownFills(ORDER)
    for number, venue_ns in ((5, 50), (4, 70), (6, 20), (9, 90)):
        known.add(b"%d" % number, TRADE._replace(venue_ns=venue_ns), b"8")
    assert (list(known.trades), known.floor, known.floor_ns) == ([b"9"], b"6", 70)
    assert not known.contradicts(b"6", TRADE._replace(venue_ns=70))
    assert known.contradicts(b"6", TRADE._replace(venue_ns=71)), "later than all that was forgotten: it counts anew"


def test_entries_stop_only_beyond_as_many_unaudited_fills_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound itself is inside."""
    monkeypatch.setattr(fills, "UNAUDITED_MOST", 2)
    found = [known_of(*[TRADE] * number).overdue for number in (0, 1, 2, 3)]
    assert found == [False, False, False, True]


class ByTime:
    """Fills in the order of their times, under ids without an order, as of a venue that uses UUIDs."""

    name, beginning = "by-time", b"0"

    def cursor_of(self, fill_id: bytes, venue_ns: int, /) -> bytes:
        """The time."""
        del fill_id
        return b"%d" % venue_ns

    def later(self, one: bytes, other: bytes, /) -> bytes:
        """The later time."""
        return other if int(other or b"-1") > int(one or b"-1") else one

    def covers(self, cursor: bytes, fill_id: bytes, venue_ns: int, /) -> bool:
        """Whether the time is not after the cursor's."""
        del fill_id
        return bool(cursor) and venue_ns <= int(cursor)


def test_ids_that_do_not_rise_are_forgotten_by_the_venues_own_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coinbase names fills by UUID and Kraken by letters: no id is above another, and every fill must count once."""
    monkeypatch.setattr(fills, "FILLS_KEPT", 2)
    known = KnownFills(ByTime())
    ids = [b"f47ac10b-58cc-4372-a567-0e02b2c3d479", b"TLLMAT-OJCGA-V4PTLA", b"0", b"zz"]
    for at, one in enumerate(ids, start=1):
        assert not known.knows(one, at * 10)
        known.add(one, TRADE._replace(venue_ns=at * 10), b"10")
    assert (list(known.trades), known.floor) == (ids[1:], b"10")
    assert all(known.knows(one, at * 10) for at, one in enumerate(ids, start=1))
    assert not known.knows(b"new", 50)
