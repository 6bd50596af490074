"""The margin of derivatives at its bounds: exactly the buffer passes, one step more does not."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main as engine_ctl
from engine.config.tables import Venue
from engine.model.words import BUY, SELL, BookState, Reason
from engine.risk.caps.margin import LiquidationBuffer, MarginBuffer
from engine.risk.gate import APPROVED, Refusal, RiskGate
from engine.risk.table import read_risk
from engine.venues.binance.margin import CrossMargin, read_brackets
from engine.venues.catalogue import margin_of
from engine.venues.margin import MarginTerms
from tests.engine.execution.memory import BTC, ETH
from tests.engine.risk.test_gate import NOW_NS, STRATEGY, Desk, Held

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
FILE = CONFIGS / "margin_brackets.json"
PERPETUAL = replace(BTC, kind="perpetual")
TERMS = CrossMargin(read_brackets(FILE)["BTCUSDT"])
USDM = Venue(name="binance", kind="binance", options={"product": "usdm"})


class AtMark(Held):
    """A position that was opened at the present middle: it has no profit."""

    money_decimals = 7

    @property
    def held(self) -> int:
        """In whole size steps."""
        return self.size

    def net2(self, mark2: int) -> int:
        """Nothing."""
        return 0 * mark2


class Resting:
    """An open order."""

    strategy, instrument, child, intent_ns, sent_ns, answer_ns, amend_to = STRATEGY, 1, 0, 0, 0, 0, 0

    def __init__(self, side: int, price: int, size: int) -> None:
        """All of it is open."""
        self.side, self.price, self.size, self.exposure = side, price, size, size


def desk(*caps: Any, capital: str, margin: Mapping[int, MarginTerms] | None = None, **limits: Any) -> Desk:
    """A gate over a perpetual at 59,999.00 / 60,001.00."""
    made = Desk(caps=caps, capital_usd=Decimal(capital), max_order_size_usd=Decimal(10**7),
                max_position_usd=Decimal(10**8), **limits)  # fmt: skip
    made.instruments[1] = PERPETUAL
    made.top.update(BookState.GOOD, 5_999_900, 6_000_100, NOW_NS)
    made.exposures[1] = AtMark()
    made.orders = []  # type: ignore[attr-defined]
    sight: Any = type("Sight", (), {"open_orders": lambda _: made.orders, "newest_orders": lambda _: ()})()  # type: ignore[attr-defined]
    made.gate = RiskGate(made.limits, made.instruments, made.tops, made.exposures, {}, {STRATEGY: (1,)}, caps, None,
                         sight, None, {1: TERMS} if margin is None else margin)  # fmt: skip
    made.gate.reconciled = made.gate.connected = True
    return made


def test_a_long_position_at_the_buffer_passes_and_a_step_more_does_not() -> None:
    """1 BTC at 60,000 falls to 48,000 and needs 0.4 % of that: 12,192 dollars are its buffer of 20 %."""
    buffer = LiquidationBuffer(Decimal("0.2"))
    assert desk(buffer, capital="12192").check(size=100_000) is APPROVED
    verdict = desk(buffer, capital="12191.999999").check(size=100_000)
    assert verdict == Refusal(Reason.LIQUIDATION_TOO_NEAR, 1999, 2000)
    assert desk(buffer, capital="12192").reason(size=100_001) == Reason.LIQUIDATION_TOO_NEAR


def test_a_short_position_at_the_buffer_passes_and_a_step_more_does_not() -> None:
    """It rises to 72,000 and needs 0.4 % of that: 12,288 dollars."""
    buffer = LiquidationBuffer(Decimal("0.2"))
    assert desk(buffer, capital="12288").check(side=SELL, size=100_000) is APPROVED
    verdict = desk(buffer, capital="12287.999999").check(side=SELL, size=100_000)
    assert verdict == Refusal(Reason.LIQUIDATION_TOO_NEAR, 1999, 2000)


def test_open_orders_count_as_filled_and_one_beyond_the_middle_costs_the_difference() -> None:
    """An order in flight can be filled before the next one is checked."""
    buffer = LiquidationBuffer(Decimal("0.2"))
    made = desk(buffer, capital="12192")
    made.exposures[1] = AtMark(open_buy=50_000)
    made.orders.append(Resting(BUY, 5_990_000, 50_000))  # type: ignore[attr-defined]
    assert made.check(size=50_000) is APPROVED
    assert made.reason(size=50_001) == Reason.LIQUIDATION_TOO_NEAR
    made.orders[:] = [Resting(BUY, 6_000_001, 50_000)]  # type: ignore[attr-defined]
    assert made.reason(size=50_000) == Reason.LIQUIDATION_TOO_NEAR, "half a cent above the middle"


def test_a_position_that_would_be_liquidated_at_once_is_refused_with_its_way_below_zero() -> None:
    """An account without money left."""
    verdict = desk(LiquidationBuffer(Decimal("0.2")), capital="100").check(size=100_000)
    assert isinstance(verdict, Refusal)
    assert verdict.reason == Reason.LIQUIDATION_TOO_NEAR
    assert verdict.value < 0


def test_the_margin_at_the_buffer_passes_and_a_step_more_does_not() -> None:
    """1 BTC at a leverage of 5 binds 12,000 of 15,000 dollars: 20 % stay free."""
    buffer = MarginBuffer(Decimal("0.2"))
    assert desk(buffer, capital="15000", margin_leverage=5).check(size=100_000) is APPROVED
    verdict = desk(buffer, capital="14999.999999", margin_leverage=5).check(size=100_000)
    assert verdict == Refusal(Reason.MARGIN_TOO_LOW, 12_000_000_000, 11_999_999_999)
    spot = desk(buffer, capital="15000", margin={}, margin_leverage=5)
    assert spot.reason(size=100_000) == Reason.MARGIN_TOO_LOW, "on spot the whole value is bound"


@pytest.mark.parametrize("state", [BookState.SUSPECT, BookState.CROSSED, BookState.EMPTY])
def test_without_a_good_mark_of_another_position_no_entry_passes(state: BookState) -> None:
    """A position whose price is not known may be near its liquidation; its distance is not assumed to be long."""
    both = {1: TERMS, 2: CrossMargin(read_brackets(FILE)["ETHUSDT"])}
    made = desk(LiquidationBuffer(Decimal("0.2")), capital="1000000", margin=both)
    made.instruments[2] = replace(ETH, kind="perpetual", price_decimals=5)
    made.exposures[2] = AtMark(size=100)
    assert made.check() is APPROVED
    made.rate_top.update(state, 5_000, 5_002, NOW_NS)
    assert made.check() == Refusal(Reason.RATE_MISSING)
    made.rate_top.update(BookState.GOOD, 5_000, 5_002, NOW_NS - made.limits.max_book_age_ns - 1)
    assert made.check() == Refusal(Reason.RATE_MISSING), "too old"


def test_an_order_that_shrinks_the_position_passes_a_buffer_that_is_lost() -> None:
    """Else the way out of a dangerous position would be closed."""
    made = desk(LiquidationBuffer(Decimal("0.2")), capital="100")
    made.exposures[1] = AtMark(size=100_000)
    assert made.check(side=SELL, size=50_000) is APPROVED
    assert made.reason(size=1_000) == Reason.LIQUIDATION_TOO_NEAR


def test_brackets_bring_the_buffer_into_force() -> None:
    """A derivative without a bound on its liquidation is no default."""
    _, caps = read_risk({"margin_brackets": str(FILE), "capital_usd": "1000"})
    assert [type(one).__name__ for one in caps] == ["LiquidationBuffer"]
    with pytest.raises(ValueError, match="liquidation_buffer: needs capital_usd"):
        read_risk({"margin_brackets": str(FILE)})


@pytest.mark.parametrize(
    ("one", "file", "text"),
    [
        (PERPETUAL, "", "BTCUSDT is a perpetual: set margin_brackets"),
        (replace(PERPETUAL, symbol="SOLUSDT"), str(FILE), "has no brackets of binance SOLUSDT"),
        (replace(PERPETUAL, multiplier=10), str(FILE), "expected a linear perpetual with multiplier 1"),
        (replace(PERPETUAL, quote="BTC"), str(FILE), "was multiplier 1 and quote BTC"),
    ],
)
def test_a_derivative_whose_margin_is_not_known_is_refused_at_the_start(one: Any, file: str, text: str) -> None:
    """Without a formula its positions would count as spot, or not at all."""
    with pytest.raises(ValueError, match=text):
        margin_of(USDM, (one,), file, ("USDT",))


def test_the_formulas_are_those_of_derivatives_alone() -> None:
    """A spot account needs no file."""
    assert set(margin_of(USDM, (PERPETUAL, ETH), str(FILE), ("USDT",))) == {1}
    assert margin_of(USDM, (BTC, ETH), "", ("USDT",)) == {}


def test_check_reads_the_file_of_brackets(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A wrong list must not be found at the first order."""
    risk = '[risk]\ncapital_usd = 5\nmargin_brackets = "b.json"\n'
    text = (CONFIGS / "demo.toml").read_text().replace("[risk]\n", risk)
    text = text.replace('kind = "binance"\n', 'kind = "binance"\noptions = { product = "usdm" }\n')
    (tmp_path / "demo.toml").write_text(text)
    (tmp_path / "b.json").write_text('{"symbol": "BTCUSDT"}')
    assert engine_ctl(["check", str(tmp_path / "demo.toml")]) != 0
    assert 'b.json: expected objects with "symbol" and "brackets"' in capfd.readouterr().err
