"""The rules of a run that a user relies on, each on the smallest tape that shows it."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.book.place_in_queue import ahead_of
from engine.model.words import OrderState, Reason
from engine.strategy import BUY, SELL, Strategy, TimeInForce, every
from engine.strategy.samples.imbalance_maker import ImbalanceMaker
from research.simulate import EVENT, Constant, Fees, Models, Queue, Recorded, Tier, simulate
from research.simulate.matching.schedule import Schedule
from research.simulate.samples import Quoter, Taker, Watcher
from tests.research.simulate.tapes import BEGIN_NS, BTC, ETH, tape

DAY_NS = 86_400_000_000_000
MODELS = Models(Constant(1), Constant(1), Fees.flat("0.0002", "0.0005"))
LEVEL, PRINT, LAST = 2, 3, 1


def events(*rows: tuple[int, int, int, int, int], gap_ns: int = 10) -> np.ndarray:
    """Messages of one event each: (time, kind, side, price, size); the book begins with 100 x 5 against 102 x 4."""
    start = ((0, LEVEL, 1, 100, 5), (0, LEVEL, -1, 102, 4))
    table = [
        (BEGIN_NS + at * gap_ns, BEGIN_NS + at * gap_ns, price, size, 1, kind, side, LAST)
        for at, kind, side, price, size in (*start, *rows, (50, LEVEL, 1, 90, 1), (60, LEVEL, 1, 90, 2))
    ]
    return np.array(table, EVENT)


class Once(Strategy):
    """Submits these orders at its first book."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """Arguments of `place` after the instrument, and where the calls of hooks are written down."""

        orders: tuple[Any, ...]
        seen: Any

    def on_start(self) -> None:
        """Begin without an order."""
        self.done = False

    def on_book(self, book) -> None:  # noqa: ANN001
        """Submit once."""
        if not self.done:
            self.done = True
            for arguments, options in self.parameters.orders:
                self.place(book.instrument, *arguments, **options)

    def on_refusal(self, verdict) -> None:  # noqa: ANN001
        """Write the refusal down."""
        self.parameters.seen.append((Reason(verdict.reason), verdict.value, verdict.limit))


def run(tape_: np.ndarray, *orders: tuple[Any, ...], models: Models = MODELS, **options: Any) -> Any:
    """Run the orders; each is the arguments of `place`, then perhaps a dictionary."""
    split = tuple((one[:3], one[3] if len(one) > 3 else {}) for one in orders)
    seen: list[Any] = []
    result = simulate(
        tape_, Once, instruments=[BTC], models=models, parameters={"orders": split, "seen": seen}, **options
    )
    return result, seen


def test_a_print_first_serves_the_queue_ahead() -> None:
    """Five were there before us: a print of seven leaves two for us, at the maker's fee."""
    result, _ = run(events((10, PRINT, SELL, 100, 7)), (BUY, 4, 100))
    fill = result.fills[0]
    assert (fill["price"], fill["size"], fill["maker"], len(result.fills)) == (100, 2, 1, 1)
    assert fill["fee"] == 40  # 100 * 2 * 0.0002 in units of 1e-5, as units of 1e-8
    assert result.orders[0]["state"] == OrderState.PARTLY_FILLED


def test_a_print_beyond_our_price_fills_no_more_than_its_size() -> None:
    """A result that fills a large order by a print of one would flatter the strategy; the option is named."""
    tape_ = events((10, PRINT, SELL, 99, 3))
    assert run(tape_, (BUY, 9, 100))[0].fills["size"].tolist() == [3]
    whole = Models(MODELS.order_latency, MODELS.answer_latency, MODELS.fees, through_fills_whole=True)
    result, _ = run(tape_, (BUY, 9, 100), models=whole)
    assert result.fills["size"].tolist() == [9]
    assert "through_fills_whole" in [one.name for one in result.assumptions if one.favours]


def test_what_an_order_took_stays_away() -> None:
    """Two orders cannot both have the four at 102, also when the data repeats the level."""
    ioc = {"time_in_force": TimeInForce.IOC}
    tape_ = events((2, LEVEL, -1, 102, 4), (3, LEVEL, -1, 102, 6))
    late = Models(Constant(15), Constant(1), MODELS.fees)
    result, _ = run(tape_, (BUY, 3, 102, ioc), (BUY, 3, 102, ioc), (BUY, 3, 102, ioc), models=late)
    assert result.fills["size"].tolist() == [3, 1]
    assert result.orders["state"].tolist() == [OrderState.FILLED, OrderState.EXPIRED, OrderState.EXPIRED]


def test_an_order_meets_the_book_of_its_arrival() -> None:
    """The ask at 102 is gone when the order arrives: it takes 103, or nothing with a lower limit."""
    tape_ = events((2, LEVEL, -1, 102, 0), (2, LEVEL, -1, 103, 2))
    late = Models(Constant(20), Constant(1), MODELS.fees)
    ioc = {"time_in_force": TimeInForce.IOC}
    assert run(tape_, (BUY, 1, 102, ioc), models=late)[0].fills["price"].tolist() == []
    assert run(tape_, (BUY, 1, 104, ioc), models=late)[0].fills["price"].tolist() == [103]


def test_an_order_that_reaches_our_own_is_rejected() -> None:
    """A trade with oneself is no fill."""
    result, _ = run(events(), (SELL, 1, 101), (BUY, 1, 101))
    assert result.orders[["state", "cause"]].tolist()[1] == (OrderState.REJECTED, Reason.SELF_TRADE)


def test_risk_refuses_with_the_words_of_the_gate() -> None:
    """The value and the limit are those that the engine's gate would show."""
    caps = {"max_order_size_usd": "0.01", "max_position_usd": "0.02", "max_spread_bps": 10_000}
    orders = ((BUY, 11, 100), (BUY, 10, 100), (BUY, 10, 100), (BUY, 1, 100))
    result, seen = run(events(), *orders, caps=caps)
    assert seen == [(Reason.ORDER_TOO_LARGE, 11_000, 10_000), (Reason.POSITION_TOO_LARGE, 20_200, 20_000)]
    assert (result.refused, len(result.orders)) == (2, 2)


def test_a_deadline_cancels_an_order() -> None:
    """`timeout_ns` is counted from the decision; the cancel has the latency of every request."""
    result, _ = run(events((10, PRINT, SELL, 99, 3)), (BUY, 4, 100, {"timeout_ns": 30}))
    assert not len(result.fills)
    assert result.orders[0]["done_ns"] == BEGIN_NS + 31


def test_a_scheduled_method_is_called_at_its_time() -> None:
    """A method that a run never called would be another strategy than the one that trades."""
    calls: list[tuple[int, int]] = []

    class Scheduled(Strategy):
        @every("1s")
        def look(self, now_ns: int) -> None:
            """Write the time down."""
            calls.append((now_ns, self.now_ns))

    simulate(events(gap_ns=10**8), Scheduled, instruments=[BTC], models=MODELS)
    assert calls == [(BEGIN_NS + second * 10**9,) * 2 for second in range(1, 7)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"algorithm": "chase"}, "an algorithm: `fast` does not do this"),
        ({"reduce_only": True}, "reduce_only: `fast` does not do this"),
        ({"order_type": 3}, "order_type 3: `fast` does not do this"),
    ],
)
def test_a_call_that_needs_execution_is_refused_by_name(options: dict, text: str) -> None:
    """A call that silently did nothing would be a result of another strategy."""
    with pytest.raises(ValueError, match=text):
        run(events(), (BUY, 1, 100, options))


def test_the_engines_sample_runs_as_it_is() -> None:
    """The file that is tested is the file that trades."""
    result = simulate(
        tape(5, 2_000, (BTC,)), ImbalanceMaker, instruments=[BTC], models=MODELS,
        parameters={"size": "0.002", "position_max": "0.02", "short": True},
    )  # fmt: skip
    assert len(result.fills) > 5
    assert len(result.equity(BTC.id)) == 2
    assert result.positions[BTC.id] == (result.fills["side"] * result.fills["size"]).sum()


class PlainTaker(Strategy):
    """The sample `Taker` in Python."""

    def on_start(self) -> None:
        """Begin."""
        self.seen = 0

    def on_book(self, book) -> None:  # noqa: ANN001
        """Buy and sell in turn, every third book."""
        self.seen += 1
        if self.seen % 3 == 0:
            side = SELL if self.position(book.instrument) > 0 else BUY
            self.enter(book.instrument, side, 1, book.best(-side))


def test_a_compiled_strategy_and_the_same_in_python_have_equal_fills() -> None:
    """Two ways into one loop."""
    levels = tape(8, 3_000, (BTC,))
    levels = levels[(levels["kind"] == LEVEL) & (np.abs(levels["price"] - 100) * levels["side"] != 0)]
    levels = levels[np.where(levels["side"] > 0, levels["price"] < 100, levels["price"] > 100)]
    levels["flags"] = LAST
    compiled = simulate(levels, Taker(1, 3, 10**9), instruments=[BTC], models=MODELS, called="event")
    plain = simulate(levels, PlainTaker, instruments=[BTC], models=MODELS, called="event")
    columns = ["venue_ns", "price", "size", "side", "fee"]
    assert len(plain.fills) > 20
    first_good = int(compiled.fills["venue_ns"][0] == plain.fills["venue_ns"][0])
    assert first_good, "the first good book is the same event"
    assert compiled.fills[columns].tolist() == plain.fills[columns].tolist()


def test_compiled_samples_trade() -> None:
    """They are what the bench measures: a quoter that never quotes would be quick."""
    levels = tape(9, 3_000, (BTC,))
    quoter = simulate(levels, Quoter(2, 20), instruments=[BTC], models=MODELS, called="event")
    assert len(quoter.orders) > 20
    watcher = Watcher()
    simulate(levels, watcher, instruments=[BTC], models=MODELS, called="event")
    assert watcher.now_ns == levels[-1]["receive_ns"]


def test_the_queue_families_are_their_formulas() -> None:
    """Ten ahead, thirty behind, eight cancelled: the part that was ahead, by each family."""
    assert ahead_of(0, 0.5, 1, 10, 0, 40, 32) == 10
    assert ahead_of(1, 1.0, 1, 10, 0, 40, 32) == 9  # 8 * 10 / 40 = 2, less the rounded-up part that was behind
    assert ahead_of(2, 0.5, 1, 10, 0, 40, 32) == 7
    assert ahead_of(1, 0.5, 1, 10, 8, 40, 32) == 10, "a print explains the decrease"
    assert ahead_of(0, 0.5, 1, 10, 0, 40, 4) == 4, "the level is no larger"


def test_what_was_traded_before_the_data_ages() -> None:
    """A tier of 100 with 110 traded before: on the fifth day of the data less than 100 of it is within 30 days."""
    tiers = Fees((Tier(Decimal("0.002"), Decimal("0.002")), Tier(Decimal("0.001"), Decimal("0.001"), Decimal(100))))
    schedule = Schedule(tiers.table(), 110 * 10**6, 50 * DAY_NS)
    fees = [schedule.charge((50 + day) * DAY_NS, 1, 1, 0, is_maker=True) for day in range(6)]
    assert fees == [100_000, 100_000, 100_000, 100_000, 200_000, 200_000]


def test_the_tier_of_a_day_counts_the_thirty_days_before() -> None:
    """A tier that counted its own day, or forgot no day, would have other fees."""
    tiers = Fees((Tier(Decimal("0.001"), Decimal("0.002")), Tier(Decimal("-0.0001"), Decimal("0.001"), Decimal(100))))
    schedule = Schedule(tiers.table(), 0, 5 * DAY_NS)

    def fee(day: int) -> int:
        return schedule.charge(day * DAY_NS, 100, 1, 0, is_maker=True)

    assert fee(5) == 10_000_000
    assert fee(6) == -1_000_000, "yesterday's 100 reach the tier"
    assert fee(36) == -1_000_000, "day 6 is the thirtieth before"
    assert fee(67) == 10_000_000, "day 36 is the thirty-first before"


def test_a_recorded_latency_is_the_last_one_at_that_time() -> None:
    """The order leaves at its decision: the latency that was recorded before counts."""
    models = Models(Recorded([BEGIN_NS - 5, BEGIN_NS + 1], [25, 99]), Constant(1), MODELS.fees)
    assert run(events(), (BUY, 1, 100), models=models)[0].orders[0]["arrive_ns"] == BEGIN_NS + 25
    late = Models(Recorded([BEGIN_NS + 1], [99]), Constant(1), MODELS.fees)
    with pytest.raises(ValueError, match="nothing is recorded at"):
        run(events(), (BUY, 1, 100), models=late)


def test_equity_is_money_and_value() -> None:
    """Bought four at 102 with the taker's fee, valued at the middle of 100 and 102."""
    tape_ = events((10, LEVEL, -1, 102, 4))
    result, _ = run(tape_, (BUY, 4, 102), mark_ns=100)
    bought = 4 * 102 / 1e5
    last = result.equity(BTC.id)[-1]
    assert last["position"] == pytest.approx(0.004)
    assert last["equity"] == pytest.approx(4 * 101 / 1e5 - bought - bought * 0.0005)


def test_two_instruments_have_positions_of_their_own() -> None:
    """A fill of one is no holding of the other."""
    result = simulate(
        tape(11, 2_000), ImbalanceMaker, instruments=[BTC, ETH], models=MODELS,
        parameters={"size": "0.02", "position_max": "0.2", "short": True},
    )  # fmt: skip
    for one in (BTC, ETH):
        mine = result.fills[result.fills["instrument"] == one.id]
        assert len(mine)
        assert result.positions[one.id] == (mine["side"] * mine["size"]).sum()
    assert Queue().family == "conservative"


class Hasty(Strategy):
    """Places an order at its first book and cancels it in the same hook."""

    def on_start(self) -> None:
        """Begin without an order."""
        self.placed = 0

    def on_book(self, book) -> None:  # noqa: ANN001
        """Place and cancel at once."""
        if not self.placed:
            self.placed = self.place(book.instrument, BUY, 4, 100)
            self.cancel(self.placed)


def test_a_cancel_waits_for_the_answer_to_its_order() -> None:
    """Execution sends no cancel of an order in flight: a run that does would end orders sooner than the engine can."""
    models = Models(Constant(30), Constant(50), Fees.flat("0.0002", "0.0005"))
    order = simulate(events((10, PRINT, SELL, 101, 1)), Hasty, instruments=[BTC], models=models).orders[0]
    assert (order["arrive_ns"] - order["submit_ns"], order["done_ns"] - order["submit_ns"]) == (30, 30 + 50 + 30)
