"""Further caps: classes that a key of `[risk]` sets, and one that a test adds without touching the product."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from engine.cli import main as engine_ctl
from engine.model.words import BUY, SELL, BookState, Reason
from engine.risk.caps import CAPS, cap
from engine.risk.caps.exposure import GrossUsd
from engine.risk.gate import APPROVED, Account, Proposed, Refusal
from engine.risk.limits import RiskLimits
from engine.risk.table import read_risk
from tests.engine.risk.test_gate import NOW_NS, STRATEGY, Desk, Held

DEMO = Path(__file__).resolve().parents[3] / "configs" / "demo.toml"
WHOLE = 100_000  # one BTC in size units


class Plain:
    """A cap as an author adds it: `check` alone."""

    exits = False

    def __init__(self, verdict: Refusal | None) -> None:
        """Always give this verdict."""
        self.verdict = verdict

    def check(self, order: Proposed, account: Account) -> Refusal | None:  # noqa: ARG002 - the cap's shape
        """The verdict."""
        return self.verdict


def gross(usd: object) -> Desk:
    """A gate with a cap on the gross exposure and no other cap in its way."""
    wide = {"max_order_size_usd": Decimal(10**9), "max_position_usd": Decimal(10**9), "usd_instruments": {"BTC": 1}}
    return Desk(caps=(GrossUsd(Decimal(str(usd))),), **wide)


def held(desk: Desk, instrument: int, **sizes: int) -> None:
    """What the account holds and has open of an instrument."""
    desk.exposures[instrument] = Held(**sizes)


def test_an_order_at_the_gross_cap_is_approved_and_one_step_more_is_refused() -> None:
    """0.1 BTC at 60,000.25, the middle of the book, is 6,000.025 dollars."""
    assert gross("6000.025").check() is APPROVED
    assert gross("6000.024999").check() == Refusal(Reason.GROSS_TOO_LARGE, 6_000_025_000, 6_000_024_999)


def test_long_and_short_of_several_instruments_add_up() -> None:
    """A hedge lowers the net, not what both sides may lose."""
    desk = gross(6_001 + 3_601)
    held(desk, 2, size=-10_000, open_sell=2_000)
    assert desk.check() is APPROVED, "1.2 ETH at 0.05001 BTC is 3,600.6 dollars"
    held(desk, 2, size=-10_000, open_sell=3_000)
    assert desk.reason() == Reason.GROSS_TOO_LARGE


def test_open_orders_count_on_their_own_side_alone() -> None:
    """Both sides of a quote are never filled into one position."""
    desk = gross(18_001)
    desk.held.size, desk.held.open_buy, desk.held.open_sell = 0, 2 * 10_000, 3 * 10_000
    assert desk.check() is APPROVED, "the buy side reaches 0.3, as the sell side does"
    assert desk.reason(size=10_010) == Reason.GROSS_TOO_LARGE
    assert desk.check(size=10_010, relief=10) is APPROVED, "the order that it replaces is gone when it is there"


def test_an_order_that_does_not_add_to_the_worst_case_passes_above_the_cap() -> None:
    """Else an account beyond the cap could not get out of it by an order that is an entry of another strategy."""
    desk = gross(1)
    desk.held.size = 5 * WHOLE
    assert desk.check(side=SELL) is APPROVED
    assert desk.reason(side=BUY) == Reason.GROSS_TOO_LARGE


def test_what_is_held_without_a_price_in_dollars_stops_entries() -> None:
    """A sum that leaves something out, or counts it at a price that may be wrong, would pass any cap."""
    desk = gross(10**9)
    held(desk, 2, size=1)
    assert desk.check() is APPROVED
    desk.rate_top.update(BookState.STALE, 0, 0, NOW_NS)
    assert desk.reason() == Reason.RATE_MISSING
    desk.rate_top.update(BookState.GOOD, 5_000, 5_002, NOW_NS - desk.limits.max_book_age_ns - 1)
    assert desk.reason() == Reason.RATE_MISSING
    desk.tops.pop(2)
    assert desk.reason() == Reason.RATE_MISSING


def test_an_exit_is_not_held_to_the_gross_cap() -> None:
    """What reduces a position must leave whatever the account holds elsewhere."""
    desk = gross(1)
    desk.own.size = desk.held.size = 10_000
    assert desk.check(side=SELL) is APPROVED


def test_the_quick_yes_holds_a_further_cap() -> None:
    """A configured cap must neither be skipped by the compiled approval nor slow it down to Python."""
    order = (NOW_NS, STRATEGY, 1, BUY, 6_000_000, 10_000, NOW_NS, 0)
    assert gross(10**9).gate.approves(*order)
    assert not gross(1).gate.approves(*order)


def test_a_cap_without_numbers_for_the_table_is_asked_by_the_quick_yes() -> None:
    """An author adds a cap as one class with `check`; it must hold on every way of an order."""
    order = (NOW_NS, STRATEGY, 1, BUY, 6_000_000, 10_000, NOW_NS, 0)
    assert Desk(caps=(Plain(None),)).gate.approves(*order)
    assert not Desk(caps=(Plain(Refusal(Reason.ORDER_TOO_LARGE)),)).gate.approves(*order)


def test_the_configuration_sets_a_cap_by_its_key() -> None:
    """Keys of both kinds stand in one table."""
    limits, caps = read_risk({"max_gross_usd": "250000", "max_spread_bps": 20})
    assert limits == RiskLimits(max_spread_bps=20)
    assert [type(one) for one in caps] == [GrossUsd]
    assert read_risk({}) == (RiskLimits(), ())


@pytest.mark.parametrize("value", ["0", "-1", "nan", "much", None, "1e999999"])
def test_a_cap_that_bounds_nothing_is_refused_by_its_key(value: object) -> None:
    """A zero means a mistake in the file, not no limit."""
    with pytest.raises(ValueError, match=r"^max_gross_usd: .*was"):
        read_risk({"max_gross_usd": value})


def test_an_unknown_key_is_refused_with_those_that_there_are() -> None:
    """A misspelt cap would be a cap that is not there."""
    with pytest.raises(ValueError, match=r"max_gros_usd: unknown key; .*max_spread_bps.*max_gross_usd"):
        read_risk({"max_gros_usd": "1"})


class MaxSizeOfStrategy:
    """A cap as a user would write it: one strategy's size of one instrument, for exits too."""

    exits = True

    def __init__(self, most: int) -> None:
        """Keep the key's value."""
        self._most = most

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse more than that, in size units."""
        own = account.owned[(order.strategy, order.instrument_id)]
        found = abs(own.size + order.side * order.size)
        return Refusal(Reason.POSITION_TOO_LARGE, found, self._most) if found > self._most else None


@pytest.fixture
def added() -> Iterator[str]:
    """The cap under a key of its own, for one test."""
    cap("max_size_of_strategy", int)(MaxSizeOfStrategy)
    yield "max_size_of_strategy"
    del CAPS["max_size_of_strategy"]


def test_a_cap_is_added_by_one_class_and_one_key(added: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The configuration, `check` and the gate all know it, and nothing else was touched."""
    limits, caps = read_risk({added: 30_000})
    desk = Desk(caps=caps, max_order_size_usd=Decimal(10**9))
    assert limits == RiskLimits()
    desk.own.size = desk.held.size = 25_000
    assert desk.reason() == Reason.POSITION_TOO_LARGE
    assert desk.check(size=5_000) is APPROVED
    assert desk.reason(side=SELL, size=60_000) == Reason.POSITION_TOO_LARGE
    assert desk.check(side=SELL, size=25_000) is APPROVED, "an exit, held to it as well"
    file = tmp_path / "system.toml"
    text = DEMO.read_text()
    assert "[risk]\n" in text
    file.write_text(text.replace("[risk]\n", f"[risk]\n{added} = 30000\n"))
    assert engine_ctl(["check", str(file)]) == 0, capfd.readouterr().err
    file.write_text(text.replace("[risk]\n", f"[risk]\n{added} = 'many'\n"))
    assert engine_ctl(["check", str(file)]) == 2
    assert added in capfd.readouterr().err
