"""What a run refuses at its start, by name: data, options, strategies; and the network while it runs."""

import dataclasses
import hashlib
import os
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.model.records import TICK
from engine.strategy import Strategy
from research.simulate import (
    EVENT,
    Constant,
    Drawn,
    Fees,
    Models,
    Queue,
    Recorded,
    Tier,
    check,
    from_hftbacktest,
    from_ticks,
    load,
    save,
    simulate,
)
from tests.research.simulate.tapes import BEGIN_NS, BTC, ETH, Script, Scripted, tape

FEES = Fees.flat("0.0002", "0.0005")
MODELS = Models(Constant(1), Constant(1), FEES)
ROOT = Path(__file__).parents[3]


class Idle(Strategy):
    """Does nothing."""


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("venue_ns", BEGIN_NS - 1, "row 5 has venue_ns .*, the row before has .*: sort the events"),
        ("venue_ns", BEGIN_NS + 10**9, "row 5 is received at .*, before its venue_ns"),
        ("receive_ns", BEGIN_NS - 1, "row 5 has receive_ns .*, the row before has"),
        ("instrument", 3, r"row 5 has instrument 3, expected one of the run's, \[1\]"),
        ("kind", 1, "row 5 has kind 1, expected LEVEL"),
        ("side", 0, "row 5 has side 0, expected 1"),
        ("price", 0, "row 5 has price 0, expected 1 to"),
        ("size", -1, "row 5 has size -1, expected 0 to"),
        ("flags", 16, "row 5 has flags 16, expected bits"),
    ],
)
def test_a_wrong_row_is_named(column: str, value: int, text: str) -> None:
    """A run over wrong data would give numbers that look right."""
    events = tape(3, 20, (BTC,))
    events["kind"], events["side"], events["price"], events["size"] = 2, 1, 50, 1
    events[column][5] = value
    with pytest.raises(ValueError, match=text):
        check(events, [BTC])


def test_an_array_that_is_no_tape_is_refused() -> None:
    """Nothing, another type, and a message without an end."""
    with pytest.raises(TypeError, match="expected a one-dimensional array of"):
        check(np.zeros(3), [BTC])
    with pytest.raises(ValueError, match="found none"):
        check(np.zeros(0, EVENT), [BTC])
    events = tape(3, 20, (BTC,))
    events["flags"][-1] = 0
    with pytest.raises(ValueError, match="is in the middle of a message"):
        check(events, [BTC])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"models": Models(Constant(10**9), Constant(1), FEES)}, "order_latency: 1000000000 ns is not shorter"),
        ({"models": Models(Constant(1), Drawn([10**9]), FEES)}, "answer_latency: 1000000000 ns is not shorter"),
        ({"models": Models(Constant(1), Constant(1), FEES, feed_latency=Constant(10**9))}, "feed_latency: 1000000000"),
        ({"caps": {"max_drawdown_pct": "5"}}, "`fast` cannot check `max_drawdown_pct`"),
        ({"caps": {"max_order_rate_per_min": 5}}, "`fast` cannot check `max_order_rate_per_min`"),
        ({"caps": {"max_order_size_us": "5"}}, "unknown key `max_order_size_us`, did you mean"),
        ({"called": "bar"}, "called: found 'bar', expected one of message, event"),
        ({"mark_ns": 0}, "mark_ns: found 0"),
        ({"instruments": [dataclasses.replace(BTC, kind="future")]}, "no expiry and no settlement"),
        ({"instruments": [BTC, BTC]}, "instruments: found ids"),
        (
            {"instruments": [dataclasses.replace(BTC, quote="EUR")], "caps": {"max_position_usd": "1"}},
            "needs instruments quoted in USD, USDT, USDC, BTCUSDT is quoted in EUR",
        ),
        ({"parameters": {"size": 1}}, "unknown parameter `size`"),
    ],
)
def test_an_option_that_the_run_cannot_follow_is_refused(options: dict[str, Any], text: str) -> None:
    """An option without an effect is a wrong result."""
    run = {"instruments": [BTC], "models": MODELS, **options}
    with pytest.raises(ValueError, match=text):
        simulate(tape(3, 200, (BTC,)), Idle, **run)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Queue("l3"), "queue 'l3': `fast` has levels and no single orders"),
        (lambda: Queue("fifo"), "queue: found 'fifo', expected one of"),
        (lambda: Constant(-1), "Constant: found -1, expected nanoseconds"),
        (lambda: Drawn([]), "Drawn.samples"),
        (lambda: Drawn([1.5]), "expected whole nanoseconds"),
        (lambda: Recorded([5, 4], [1, 1]), "Recorded.at_ns: 4 follows 5"),
        (lambda: Fees.flat("0.000000001", "0"), "at most 8 decimals"),
        (lambda: Fees((Tier(Decimal(0), Decimal(0), Decimal(5)),)), "fees: tiers begin at"),
    ],
)
def test_a_wrong_model_is_refused_when_it_is_made(make: Any, text: str) -> None:
    """The line that has the mistake is the line that fails."""
    with pytest.raises(ValueError, match=text):
        make()


def test_a_strategy_that_reads_the_aggregation_is_refused() -> None:
    """Its hook would never be called."""

    class Books(Strategy):
        def on_global_book(self, book: Any) -> None:
            """Never called."""

    with pytest.raises(ValueError, match="Books reads global_books, which the aggregation makes"):
        simulate(tape(3, 200, (BTC,)), Books, instruments=[BTC], models=MODELS)
    with pytest.raises(TypeError, match="expected a class of"):
        simulate(tape(3, 200, (BTC,)), object(), instruments=[BTC], models=MODELS)


def test_an_error_of_a_strategy_has_its_place() -> None:
    """The event and the time are what one needs to see it again."""

    class Broken(Strategy):
        def on_book(self, book: Any) -> None:
            """Fail."""
            raise KeyError(book.instrument.symbol)

    with pytest.raises(KeyError, match="BTCUSDT") as caught:
        simulate(tape(3, 200, (BTC,)), Broken, instruments=[BTC], models=MODELS)
    assert "of the data, at 17000000" in caught.value.__notes__[0]


def test_a_run_without_latency_that_answers_every_answer_ends() -> None:
    """No time would pass: the run would never end."""

    class Endless(Strategy):
        def on_book(self, book: Any) -> None:
            """Begin."""
            self.place(book.instrument, 1, 1, book.best_ask, time_in_force=2)

        def on_order(self, order: Any) -> None:
            """Again."""
            self.place(self.instruments[order.instrument], 1, 1, 1, time_in_force=2)

    at_once = Models(Constant(0), Constant(0), FEES)
    with pytest.raises(ValueError, match="no time passes: give the run a latency"):
        simulate(tape(3, 200, (BTC,)), Endless, instruments=[BTC], models=at_once)


def test_a_run_has_no_network_and_gives_it_back() -> None:
    """A strategy that asks the venue of today would trade on the future."""

    class Caller(Strategy):
        def on_book(self, book: Any) -> None:
            """Open a connection."""
            assert book.good
            socket.create_connection(("127.0.0.1", 9), timeout=0.1)

    with pytest.raises(PermissionError, match="a simulation has no network"):
        simulate(tape(3, 200, (BTC,)), Caller, instruments=[BTC], models=MODELS)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))


def digest() -> str:
    """What one run gives, as one text."""
    models = Models(Drawn([1, 5, 9], 3), Constant(2), FEES, Queue("log"))
    parameters = {"script": Script(4, (BTC, ETH)), "log": []}
    result = simulate(tape(4, 1500), Scripted, instruments=[BTC, ETH], models=models, parameters=parameters)
    assert len(result.fills) > 5
    return hashlib.sha256(result.fills.tobytes() + result.orders.tobytes() + result.marks.tobytes()).hexdigest()


def test_two_runs_are_equal_bytes_across_hash_seeds() -> None:
    """A result that cannot be repeated cannot be examined."""
    program = "from tests.research.simulate.test_refused import digest; print(digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    other = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=True, capture_output=True)
    assert other.stdout.decode().strip() == digest() == digest()


def test_records_of_our_lanes_become_events() -> None:
    """Levels of LEVELS and prints of TICKS, in the order of their receipt, with a venue's clock that is repaired."""
    levels = np.zeros(3, TICK.dtype)
    levels["receive_ns"], levels["venue_ns"] = (10, 20, 30), (9, 25, 12)
    levels["kind"], levels["side"], levels["price"], levels["size"] = 2, 1, 50, 7
    levels["flags"], levels["instrument"] = (2, 1, 8 | 1), 1
    levels["kind"][1], levels["detail"][1] = 4, 1
    prints = np.zeros(2, TICK.dtype)
    prints["receive_ns"], prints["kind"], prints["side"], prints["price"], prints["size"] = (15, 16), (3, 1), -1, 50, 2
    prints["flags"], prints["instrument"] = 1, 1
    events = from_ticks(levels, prints)
    check(events, [BTC])
    assert events[["venue_ns", "receive_ns", "kind", "size", "flags"]].tolist() == [
        (9, 10, 2, 7, 2), (15, 15, 3, 2, 1), (20, 20, 4, 1, 1),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="record the lane LEVELS"):
        from_ticks(prints)


def test_rows_of_hftbacktest_become_events(tmp_path: Path) -> None:
    """A user moves with the data that is there; a price that is finer than the instrument is refused by its row."""
    rows = np.array(
        [(1 << 29 | 1, 10, 12, 0.5, 0.007), (1 << 28 | 2, 11, 12, 0.51, 0.002), (3, 13, 14, 0, 0)],
        [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")],
    )
    events = from_hftbacktest(rows, BTC)
    check(events, [BTC])
    assert events[["price", "size", "kind", "side", "flags"]].tolist() == [
        (50, 7, 2, 1, 0), (51, 2, 3, -1, 1), (0, 1, 4, 0, 3),
    ]  # fmt: skip
    save(tmp_path / "day.npy", events)
    assert load(tmp_path / "day.npy").tolist() == events.tolist()
    rows["px"][1] = 0.505
    with pytest.raises(ValueError, match=r"row 1 has px 0\.505, expected at most 2 decimals"):
        from_hftbacktest(rows, BTC)
