"""The stages of an order, from the times in its record."""

from typing import Any

from engine.model.records import ORDER
from engine.model.rows import OrderRow
from engine.monitor.latency import Key, Spread, latencies, spread


def order(strategy: int = 1, instrument: int = 7, **times: int) -> OrderRow:
    """An order's record with these times."""
    empty: list[Any] = [b"" if field.code == "S" else 0 for field in ORDER.fields]
    return ORDER.row(*empty)._replace(strategy=strategy, instrument=instrument, **times)


def test_each_stage_is_the_difference_of_two_times_of_one_order() -> None:
    """By strategy and venue: the slowest venue must not hide in an average."""
    found = latencies(
        [
            order(receive_ns=100, intent_ns=130, sent_ns=150, answer_ns=1150),
            order(strategy=2, instrument=8, receive_ns=100, intent_ns=190, sent_ns=200, answer_ns=400),
        ],
        {7: "binance", 8: "kraken"},
    )
    assert found[Key(1, "binance")] == {
        "tick_to_intent": Spread(1, *[30] * 6), "intent_to_order": Spread(1, *[20] * 6),
        "order_to_ack": Spread(1, *[1000] * 6), "tick_to_order": Spread(1, *[50] * 6),
    }  # fmt: skip
    assert found[Key(2, "kraken")]["order_to_ack"].p50_ns == 200


def test_a_stage_without_both_times_is_left_out() -> None:
    """An order on a timer has no tick, one in flight no answer: a 0 would be shown as years."""
    found = latencies([order(intent_ns=130, sent_ns=150)], {7: "binance"})
    assert list(found[Key(1, "binance")]) == ["intent_to_order"]


def test_a_percentile_is_a_duration_that_was_measured() -> None:
    """By nearest rank: of a hundred the 99th, of few the largest."""
    assert spread(list(range(1, 101))) == Spread(100, 50, 90, 95, 99, 100, 100)
    assert spread([5, 3]) == Spread(2, 3, 5, 5, 5, 5, 5)
