"""A simulated strategy's bars: those that the engine's aggregation makes of the same prints, at the same times."""

from typing import Any

import msgspec
import numpy as np
import pytest

from engine.model.words import BarFlag
from engine.strategy import BUY, Strategy
from engine.strategy.inputs import sma
from research.bars import BAR, GivenBars, PrintBars, tape
from research.simulate import EVENT, Constant, Fees, Models, simulate
from tests.research.bars.series import BEGIN_NS, BTC, MINUTE_NS, bars

MODELS = Models(Constant(1), Constant(1), Fees.flat("0", "0"))
S = 1_000_000_000
LEVEL, PRINT, LAST = 2, 3, 1


class Bars(Strategy):
    """Keeps every bar, with the time at which it was given, and what was known before it."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """Where the bars are kept."""

        seen: Any

    def on_bar(self, bar: Any) -> None:
        """Keep it."""
        self.parameters.seen.append((self.now_ns, bar))


class Buys(Bars):
    """Buys at its first bar."""

    def on_bar(self, bar: Any) -> None:
        """Buy once."""
        if not self.parameters.seen:
            one = self.instruments[bar.instrument]
            self.parameters.seen.append(self.place(one, BUY, 1_000, bar.close + 5_000))


class Means(Bars):
    """Keeps a declared mean at every bar."""

    mean = sma(3, bars="1m")

    def on_bar(self, bar: Any) -> None:  # noqa: ARG002
        """Keep it."""
        self.parameters.seen.append(self.mean.value)


def means_of(events: np.ndarray, source: Any) -> list[float]:
    """The mean at each bar, from the third on."""
    seen: list[float] = []
    simulate(events, Means, instruments=[BTC], models=MODELS, parameters={"seen": seen}, bars=source)
    return seen[2:]


def prints(seed: int, count: int = 3_000) -> np.ndarray:
    """A book, then prints at random times."""
    draw = np.random.default_rng(seed)
    events = np.zeros(count + 2, EVENT)
    events["kind"], events["flags"], events["instrument"] = PRINT, LAST, BTC.id
    events["kind"][:2], events["side"] = LEVEL, draw.choice((1, -1), count + 2)
    events["side"][:2] = 1, -1
    events["price"], events["size"] = 10_000 + draw.integers(-50, 50, count + 2), draw.integers(1, 99, count + 2)
    events["price"][:2] = 9_000, 11_000
    events["venue_ns"] = events["receive_ns"] = BEGIN_NS + np.cumsum(draw.integers(0, S, count + 2))
    return events


def resampled(events: np.ndarray, interval_ns: int) -> dict[int, tuple[int, ...]]:
    """The plain offline bars of the prints."""
    found: dict[int, list[Any]] = {}
    for row in events[events["kind"] == PRINT]:
        found.setdefault(int(row["receive_ns"]) // interval_ns * interval_ns, []).append(row)
    return {
        start: (
            rows[0]["price"], max(row["price"] for row in rows), min(row["price"] for row in rows),
            rows[-1]["price"], sum(row["size"] for row in rows), len(rows),
        )
        for start, rows in found.items()
    }  # fmt: skip


def figures(bar: Any) -> tuple[int, ...]:
    """A bar in the same form."""
    return bar.open, bar.high, bar.low, bar.close, bar.volume_low, bar.count


@pytest.mark.parametrize("seed", range(3))
def test_bars_of_prints_equal_a_resample_and_come_after_their_end(seed: int) -> None:
    """A bar that a live system would not have had yet is knowledge of the future."""
    events, seen = prints(seed), []
    source = PrintBars([BTC], ["5s", "1m"], begin_ns=BEGIN_NS)
    simulate(events, Bars, instruments=[BTC], parameters={"seen": seen}, models=MODELS, bars=source)
    for length in (5 * S, MINUTE_NS):
        found = [(now_ns, bar) for now_ns, bar in seen if bar.interval_ns == length]
        expected = resampled(events, length)
        assert len(found) >= len(expected) - 1 > 20
        assert all(figures(bar) == expected[bar.start_ns] for _, bar in found if not bar.flags & BarFlag.EMPTY)
        assert all(now_ns == bar.start_ns + length + 20_000_000 for now_ns, bar in found)
        starts = [bar.start_ns for _, bar in found]
        assert starts == list(range(starts[0], starts[-1] + 1, length))


def test_given_bars_are_known_at_their_end_and_an_order_meets_the_next_open() -> None:
    """An order that a bar causes may not be filled inside that bar."""
    table, seen = bars(3, 50), []
    events = tape(table, BTC, MINUTE_NS, 10)
    given = GivenBars({BTC: table}, MINUTE_NS)
    result = simulate(events, Bars, instruments=[BTC], parameters={"seen": seen}, models=MODELS, bars=given)
    assert result.events == len(events)
    assert [now_ns for now_ns, _ in seen] == (table["start_ns"][:-1] + MINUTE_NS).tolist()
    assert [figures(bar)[:5] for _, bar in seen] == [row[1:] for row in table[:-1].tolist()]
    orders: list[int] = []
    models = Models(Constant(0), Constant(0), Fees.flat("0", "0"))
    source = GivenBars({BTC: table}, MINUTE_NS)
    [fill] = simulate(events, Buys, instruments=[BTC], parameters={"seen": orders}, models=models, bars=source).fills
    assert fill["price"] == table["open"][1] + 10
    assert fill["venue_ns"] == table["start_ns"][1]


def test_a_class_with_on_bar_needs_bars() -> None:
    """Without them the hook is never called, and the result is that of no strategy."""
    with pytest.raises(ValueError, match=r"Bars reads bars: pass `bars`, such as PrintBars"):
        simulate(prints(1), Bars, instruments=[BTC], parameters={"seen": []}, models=MODELS)


def test_a_wrong_length_of_bars_is_named() -> None:
    """Bars of another length are another strategy."""
    with pytest.raises(ValueError, match="found '0m', expected a length like"):
        PrintBars([BTC], ["0m"], begin_ns=BEGIN_NS)


def test_rows_of_volume_0_move_an_indicator_as_the_empty_bars_of_a_live_system_do() -> None:
    """Without them a mean of three minutes has the closes of more, and decides at other times than it does live."""
    minutes, prices = (0, 1, 2, 5, 6, 9), (10_000, 10_010, 10_020, 10_050, 10_060, 10_090)
    whole = np.zeros(10, BAR)
    whole["start_ns"] = BEGIN_NS + np.arange(10) * MINUTE_NS
    last = np.searchsorted(minutes, np.arange(10), side="right") - 1
    for name in ("open", "high", "low", "close"):
        whole[name] = np.array(prices)[last]
    whole["volume"] = np.isin(np.arange(10), minutes) * 1_000
    events = np.zeros(len(minutes) + 1, EVENT)
    events["venue_ns"] = BEGIN_NS + np.array([*minutes, 11]) * MINUTE_NS + 1
    events["receive_ns"], events["kind"], events["side"], events["instrument"] = events["venue_ns"], PRINT, 1, BTC.id
    events["price"], events["size"], events["flags"] = [*prices, prices[-1]], 1_000, LAST
    live = PrintBars([BTC], ["1m"], begin_ns=BEGIN_NS)
    found = [means_of(events, live), means_of(tape(whole, BTC, MINUTE_NS, 1), GivenBars({BTC: whole}, MINUTE_NS))]
    traded = whole[whole["volume"] > 0]
    found.append(means_of(tape(traded, BTC, MINUTE_NS, 1), GivenBars({BTC: traded}, MINUTE_NS)))
    assert found[0][:7] == found[1][:7]
    assert found[0][3] == 10_030
    assert found[2][1] > 10_026  # and so the run names `no_empty_bars`
