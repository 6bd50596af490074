"""The gate: every bound at its edge, in its order."""

from dataclasses import dataclass, replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, BookState, Reason
from engine.risk.approval import MINUTE_NS
from engine.risk.gate import APPROVED, FurtherCap, Refusal, RiskGate
from engine.risk.limits import RiskLimits
from engine.risk.market import Top

NOW_NS = 1_700_000_000_000_000_000
STRATEGY, OTHER = 3, 4
PERMITS = {STRATEGY: (1, 2)}
BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 5, 10, 100, 10**9, 5 * 10**7)
ETHBTC = Instrument(2, "binance", "ETHBTC", "ETH", "BTC", 5, 4, 1, 1, 1, 0, 0)


@dataclass
class Held:
    """What the account holds."""

    size: int = 0
    open_buy: int = 0
    open_sell: int = 0


class Desk:
    """A gate that approves `check()`, to be spoiled one thing at a time."""

    def __init__(
        self, permits: dict[int, tuple[int, ...]] = PERMITS, caps: tuple[FurtherCap, ...] = (),
        one: Instrument = BTC, **limits: Any,
    ) -> None:  # fmt: skip
        """A good book of 60,000.00 / 60,000.50, nothing held."""
        limits.setdefault("exit_collar_bps", max(1_000, limits.get("price_collar_bps", 0)))
        self.limits = RiskLimits(**limits)
        self.top = Top()
        self.top.update(BookState.GOOD, 6_000_000, 6_000_050, NOW_NS)
        self.rate_top = Top()
        self.rate_top.update(BookState.GOOD, 5_000, 5_002, NOW_NS)
        self.held, self.own = Held(), Held()
        self.instruments = {1: one, 2: ETHBTC}
        self.tops, self.exposures = {1: self.top, 2: self.rate_top}, {1: self.held}
        self.stopped: dict[int, Any] = {}
        self.gate = RiskGate(
            self.limits,
            self.instruments,
            self.tops,
            self.exposures,
            {(STRATEGY, 1): self.own},
            permits,
            caps,
            self.stopped,
        )
        self.gate.reconciled = self.gate.connected = True

    def check(self, **change: Any) -> Any:
        """An order of 0.1 BTC at 60,000.00."""
        order = {
            "strategy": STRATEGY, "instrument_id": 1, "side": BUY, "price": 6_000_000, "size": 10_000,
            "decided_ns": NOW_NS, "ttl_ns": 0,
        }  # fmt: skip
        order |= change
        now_ns = order.pop("now_ns", NOW_NS)
        return self.gate.check(now_ns, **order)

    def reason(self, **change: Any) -> Reason:
        """Why not."""
        verdict = self.check(**change)
        return verdict.reason if isinstance(verdict, Refusal) else Reason.APPROVED


def test_a_sound_order_is_approved() -> None:
    """Every other test spoils exactly this one."""
    assert Desk().check() is APPROVED
    assert APPROVED.flags == 0


def test_the_switches_refuse_in_their_order() -> None:
    """The first reason is the one that must be mended first."""
    desk = Desk()
    desk.gate.connected = False
    assert desk.reason() == Reason.VENUE_NOT_CONNECTED
    desk.gate.reconciled = False
    assert desk.reason() == Reason.NOT_RECONCILED
    desk.gate.draining = True
    assert desk.reason() == Reason.DRAINING
    desk.gate.halted = True
    assert desk.reason() == Reason.HALTED


@pytest.mark.parametrize("state", [state for state in BookState if state is not BookState.GOOD])
def test_only_a_good_book_may_be_traded_on(state: BookState) -> None:
    """A book that could be wrong is wrong."""
    desk = Desk()
    desk.top.update(state, 6_000_000, 6_000_050, NOW_NS)
    assert desk.check() == Refusal(Reason.BOOK_NOT_GOOD, state, BookState.GOOD)


def test_a_book_with_an_empty_side_is_not_good() -> None:
    """It has no middle to measure by."""
    desk = Desk()
    desk.top.update(BookState.GOOD, 6_000_000, 0, NOW_NS)
    assert desk.reason() == Reason.BOOK_NOT_GOOD


def test_a_book_may_be_as_old_as_its_cap_and_no_older() -> None:
    """The edge is inside."""
    desk = Desk(max_book_age_ns=1000, max_intent_age_ns=10**9)
    assert desk.check(now_ns=NOW_NS + 1000) is APPROVED
    assert desk.check(now_ns=NOW_NS + 1001) == Refusal(Reason.BOOK_TOO_OLD, 1001, 1000)


def test_an_intent_may_be_as_old_as_its_ttl_and_no_older() -> None:
    """The edge is inside; a ttl beyond the cap is cut to it."""
    desk = Desk(max_intent_age_ns=1000)
    assert desk.check(decided_ns=NOW_NS - 500, ttl_ns=500) is APPROVED
    assert desk.check(decided_ns=NOW_NS - 501, ttl_ns=500) == Refusal(Reason.INTENT_TOO_OLD, 501, 500)
    assert desk.check(decided_ns=NOW_NS - 1000) is APPROVED
    assert desk.reason(decided_ns=NOW_NS - 1001, ttl_ns=10**9) == Reason.INTENT_TOO_OLD


@pytest.mark.parametrize("limits", [{}, {"max_spread_bps": 50}])
def test_a_spread_may_be_as_wide_as_its_cap_and_no_wider(limits: dict[str, int]) -> None:
    """50 bps of 60,000 are 300.00, also where the configuration sets no limit."""
    desk = Desk(**limits)
    desk.top.update(BookState.GOOD, 5_985_000, 6_015_000, NOW_NS)
    assert desk.check() is APPROVED
    desk.top.update(BookState.GOOD, 5_984_999, 6_015_000, NOW_NS)
    assert desk.reason() == Reason.SPREAD_TOO_WIDE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"instrument_id": 9}, Reason.UNKNOWN_INSTRUMENT),
        ({"side": 0}, Reason.MALFORMED),
        ({"size": 0}, Reason.MALFORMED),
        ({"size": -10}, Reason.MALFORMED),
        ({"price": -5}, Reason.MALFORMED),
        ({"price": 0}, Reason.PRICE_STEP),
        ({"price": 6_000_001}, Reason.PRICE_STEP),
        ({"size": 10_001}, Reason.SIZE_STEP),
        ({"size": 90}, Reason.SIZE_STEP),
        ({"size": 2**62}, Reason.SIZE_STEP),
        ({"size": 10 * 2**59}, Reason.ORDER_TOO_LARGE),
    ],
)
def test_an_order_that_is_not_sound_in_itself_is_refused(change: dict[str, int], reason: Reason) -> None:
    """Before any cap is asked."""
    assert Desk().reason(**change) == reason


def test_an_instrument_that_does_not_trade_is_refused() -> None:
    """The venue would refuse it too, later."""
    desk = Desk()
    desk.instruments[1] = replace(BTC, trading=False)
    assert desk.reason() == Reason.INSTRUMENT_NOT_TRADING


def test_the_least_notional_is_inside() -> None:
    """Price x size, exactly."""
    desk = Desk()
    desk.instruments[1] = replace(BTC, notional_min=6_000_000 * 200)
    assert desk.check(size=200) is APPROVED
    assert desk.check(size=190) == Refusal(Reason.NOTIONAL_TOO_SMALL, 6_000_000 * 190, 6_000_000 * 200)


def test_the_collar_is_measured_from_the_middle_on_both_sides() -> None:
    """1 % of 60,000.25 are 600.0025: 60,600.25 is the last price inside above, 59,400.25 below."""
    desk = Desk(price_collar_bps=100)
    assert desk.check(price=6_060_025) is APPROVED
    assert desk.reason(price=6_060_030) == Reason.PRICE_COLLAR
    assert desk.check(price=5_940_025) is APPROVED
    assert desk.reason(price=5_940_020) == Reason.PRICE_COLLAR


def test_a_price_at_the_collars_very_edge_is_inside() -> None:
    """1 % of 60,000.00 on both sides is a price itself."""
    desk = Desk(price_collar_bps=100)
    desk.top.update(BookState.GOOD, 5_999_975, 6_000_025, NOW_NS)
    assert desk.check(price=6_060_000) is desk.check(price=5_940_000) is APPROVED


def test_the_order_cap_holds_to_the_last_cent() -> None:
    """0.1 BTC at 60,000.00 are 6,000 dollars."""
    assert Desk(max_order_size_usd=Decimal(6000)).check() is APPROVED
    verdict = Desk(max_order_size_usd=Decimal("5999.99")).check()
    assert verdict == Refusal(Reason.ORDER_TOO_LARGE, 6_000_000_000, 5_999_990_000)


def test_the_position_cap_counts_held_open_and_asked_for() -> None:
    """Worst case 0.4 BTC, valued at the middle of 60,000.25: 24,000.10 dollars."""
    desk = Desk(max_position_usd=Decimal("24000.10"))
    desk.held.size, desk.held.open_buy = 10_000, 20_000
    assert desk.check() is APPROVED
    assert desk.reason(size=10_010) == Reason.POSITION_TOO_LARGE
    tight = Desk(max_position_usd=Decimal("24000.09"))
    tight.held.size, tight.held.open_buy = 10_000, 20_000
    assert tight.reason() == Reason.POSITION_TOO_LARGE


def test_the_way_out_of_a_position_over_its_cap_stays_open() -> None:
    """Refusing an exit would be the larger risk."""
    desk = Desk(max_position_usd=Decimal(100))
    desk.held.size = 100_000
    assert desk.check(side=SELL) is APPROVED
    desk.held.open_sell = 100_000
    assert desk.reason(side=SELL) == Reason.POSITION_TOO_LARGE


def test_a_short_counts_like_a_long() -> None:
    """The cap bounds the distance from flat."""
    desk = Desk(max_position_usd=Decimal(6001))
    desk.held.size = -10_000
    assert desk.reason(side=SELL) == Reason.POSITION_TOO_LARGE
    assert desk.check(side=BUY) is APPROVED


def test_a_replacement_is_relieved_of_what_it_replaces() -> None:
    """Old and new cannot both fill."""
    desk = Desk(max_position_usd=Decimal(6001))
    desk.held.open_buy = 10_000
    assert desk.reason() == Reason.POSITION_TOO_LARGE
    assert desk.check(relief=10_000) is APPROVED


def test_the_rate_is_a_sliding_window() -> None:
    """Not a bucket that opens at the full minute."""
    desk = Desk(max_order_rate_per_min=3, exit_rate_reserve=Decimal("0.1"), max_book_age_ns=10**12)
    desk.gate.mark(NOW_NS, STRATEGY, False)
    assert desk.check(now_ns=NOW_NS + 1) is APPROVED
    desk.gate.mark(NOW_NS + 1, STRATEGY, False)
    last = NOW_NS + MINUTE_NS
    assert desk.reason(now_ns=last - 1, decided_ns=last) == Reason.ORDER_RATE
    assert desk.check(now_ns=last, decided_ns=last) is APPROVED


def test_the_venues_request_limit_is_kept() -> None:
    """After 429 comes 418."""
    desk = Desk()
    desk.gate.backoff_until_ns = NOW_NS + 1
    assert desk.reason() == Reason.ORDER_RATE
    assert desk.check(now_ns=NOW_NS + 1) is APPROVED


def test_a_full_journal_stops_entries_and_lets_exits_go() -> None:
    """What cannot be written must not grow."""
    desk = Desk()
    desk.gate.exits_only = Reason.JOURNAL_FULL
    desk.own.size = 10_000
    assert desk.reason() == Reason.JOURNAL_FULL
    assert desk.check(side=SELL) is APPROVED
    assert desk.reason(side=SELL, size=10_010) == Reason.JOURNAL_FULL


def test_a_quote_that_is_no_dollar_needs_a_fresh_named_rate() -> None:
    """A cap in dollars against an unknown price is no cap."""
    order = {"instrument_id": 2, "price": 5_001, "size": 10_000}
    assert Desk().reason(**order) == Reason.RATE_MISSING
    desk = Desk(usd_instruments={"BTC": 1}, max_order_size_usd=Decimal("3000.62"))
    desk.top.update(BookState.GOOD, 6_000_000, 6_000_050, NOW_NS)
    assert desk.check(**order) is APPROVED
    assert (
        Desk(usd_instruments={"BTC": 1}, max_order_size_usd=Decimal("3000.61")).reason(**order)
        == Reason.ORDER_TOO_LARGE
    )
    desk.top.update(BookState.STALE, 6_000_000, 6_000_050, NOW_NS)
    assert desk.reason(**order) == Reason.RATE_MISSING
    desk.top.update(BookState.GOOD, 6_000_000, 6_000_050, NOW_NS - 2_000_000_001)
    assert desk.reason(**order) == Reason.RATE_MISSING


def test_a_position_priced_in_another_asset_is_capped_in_dollars() -> None:
    """1 ETH at 0.05001 BTC, with BTC at 60,000.25, is a position of 3,000.6125025 dollars."""
    order = {"instrument_id": 2, "price": 5_001, "size": 10_000}
    assert Desk(usd_instruments={"BTC": 1}, max_position_usd=Decimal("3000.612503")).check(**order) is APPROVED
    tight = Desk(usd_instruments={"BTC": 1}, max_position_usd=Decimal("3000.612502"))
    assert tight.check(**order) == Refusal(Reason.POSITION_TOO_LARGE, 3_000_612_503, 3_000_612_502)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_instrument_that_execution_halted_accepts_neither_entry_nor_exit(side: int) -> None:
    """An exit's size comes from the position that is in doubt; the other instruments go on."""
    desk = Desk(usd_instruments={"BTC": 1})
    desk.own.size = 10_000
    desk.stopped[1] = SimpleNamespace(reason=Reason.MALFORMED)
    assert desk.check(side=side) == Refusal(Reason.INSTRUMENT_HALTED, Reason.MALFORMED, 0)
    assert desk.check(instrument_id=2, price=5_001) is APPROVED


def test_products_beyond_64_bits_are_exact() -> None:
    """An overflow would turn the largest order into the smallest."""
    desk = Desk()
    desk.instruments[1] = replace(BTC, size_max=2**62)
    verdict = desk.check(size=10 * (2**58 // 10))
    assert verdict.reason == Reason.ORDER_TOO_LARGE
    assert verdict.value > 2**63


def test_a_protective_price_lies_inside_collar_and_cap_on_the_step() -> None:
    """A market order has a worst price, and risk accepts it."""
    desk = Desk(price_collar_bps=100)
    for side, edge in ((BUY, 6_060_025), (SELL, 5_940_025)):
        assert desk.gate.protective_price(1, side, 0) == edge
        assert desk.check(side=side, price=edge) is APPROVED
    assert desk.gate.protective_price(1, BUY, 6_000_000) == 6_000_000
    assert desk.gate.protective_price(1, BUY, 9_000_000) == 6_060_025
    assert desk.gate.protective_price(1, SELL, 6_000_000) == 6_000_000


@pytest.mark.parametrize(
    "name", ["max_position_usd", "max_order_size_usd", "max_order_rate_per_min", "price_collar_bps"]
)
def test_a_cap_that_bounds_nothing_refuses_to_start(name: str) -> None:
    """Zero means a mistake in the file, not no limit."""
    with pytest.raises(ValueError, match=f"{name} must be positive, was 0"):
        RiskLimits(**{name: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_position_usd", Decimal("inf")),
        ("max_order_size_usd", Decimal("nan")),
        ("max_spread_bps", -1),
        ("max_book_age_ns", -1),
    ],
)
def test_a_bound_that_is_no_number_or_bounds_nothing_is_refused_at_start(name: str, value: object) -> None:
    """Found in the middle of trading it would stop the engine with an open position."""
    with pytest.raises(ValueError, match=name):
        RiskLimits(**{name: value})  # type: ignore[arg-type]


FOUND: list[tuple[dict[str, Any], dict[str, Any], Refusal]] = [
    ({}, {"instrument_id": 9}, Refusal(Reason.UNKNOWN_INSTRUMENT, 9, 0)),
    ({}, {"strategy": OTHER}, Refusal(Reason.INSTRUMENT_NOT_PERMITTED, 1, OTHER)),
    ({}, {"side": 0}, Refusal(Reason.MALFORMED, 0, 1)),
    ({}, {"side": 2}, Refusal(Reason.MALFORMED, 2, 1)),
    ({}, {"size": 0}, Refusal(Reason.MALFORMED, 0, 1)),
    ({}, {"size": 1}, Refusal(Reason.SIZE_STEP, 1, 10)),
    ({}, {"price": -1}, Refusal(Reason.MALFORMED, -1, 1)),
    ({}, {"instrument_id": 2, "price": 1}, Refusal(Reason.PRICE_COLLAR, 9_999, 500)),
    ({}, {"price": -5}, Refusal(Reason.MALFORMED, -5, 1)),
    ({}, {"price": 0}, Refusal(Reason.PRICE_STEP, 0, 5)),
    ({}, {"price": 6_000_001}, Refusal(Reason.PRICE_STEP, 6_000_001, 5)),
    ({}, {"size": 10_001}, Refusal(Reason.SIZE_STEP, 10_001, 10)),
    ({}, {"size": 90}, Refusal(Reason.SIZE_STEP, 90, 100)),
    ({}, {"size": 10**9 + 10}, Refusal(Reason.ORDER_TOO_LARGE, 10**9 + 10, 10**9)),
    ({}, {"price": 7_000_000}, Refusal(Reason.PRICE_COLLAR, 1_667, 500)),
    ({}, {"price": 5_000_000}, Refusal(Reason.PRICE_COLLAR, 1_667, 500)),
    ({}, {"decided_ns": NOW_NS + 100_000_001}, Refusal(Reason.INTENT_FROM_FUTURE, 100_000_001, 100_000_000)),
    ({"max_position_usd": Decimal(6_000)}, {}, Refusal(Reason.POSITION_TOO_LARGE, 6_000_025_000, 6_000_000_000)),
    ({"max_position_usd": Decimal(6_000)}, {"price": 6_000_030},
     Refusal(Reason.POSITION_TOO_LARGE, 6_000_030_000, 6_000_000_000)),
]  # fmt: skip


@pytest.mark.parametrize(("limits", "change", "refusal"), FOUND)
def test_a_refusal_shows_what_was_found_and_what_was_allowed(
    limits: dict[str, Any], change: dict[str, Any], refusal: Refusal
) -> None:
    """A strategy sizes its next order by these figures, and an operator looks for the limit that is named."""
    assert Desk(**limits).check(**change) == refusal


@pytest.mark.parametrize(
    ("switch", "value", "refusal"),
    [
        ("halted", True, Refusal(Reason.HALTED, 1, 0)),
        ("draining", True, Refusal(Reason.DRAINING, 1, 0)),
        ("reconciled", False, Refusal(Reason.NOT_RECONCILED, 0, 1)),
        ("connected", False, Refusal(Reason.VENUE_NOT_CONNECTED, 0, 1)),
        ("exits_only", Reason.JOURNAL_FULL, Refusal(Reason.JOURNAL_FULL, 1, 0)),
        ("backoff_until_ns", NOW_NS + 5, Refusal(Reason.ORDER_RATE, 5, 0)),
    ],
)
def test_a_switch_shows_its_state_and_the_requested_one(switch: str, value: object, refusal: Refusal) -> None:
    """So that the record shows it as any other bound."""
    desk = Desk()
    setattr(desk.gate, switch, value)
    assert desk.check() == refusal


def test_an_instrument_that_never_had_a_book_is_refused_for_entry_and_exit() -> None:
    """There is no state to name."""
    desk = Desk()
    desk.own.size = 10_000
    desk.gate._tops.pop(1)  # type: ignore[attr-defined]
    assert desk.check() == desk.check(side=SELL) == Refusal(Reason.BOOK_NOT_GOOD, 0, BookState.GOOD)
    assert desk.gate.protective_price(1, BUY, 7) == desk.gate.protective_price(9, BUY, 7) == 7


def test_a_refused_spread_is_rounded_up_and_one_without_a_number_is_the_largest() -> None:
    """50.002 bps shown as 50 would look like a mistake of the gate."""
    desk = Desk(max_spread_bps=50)
    desk.top.update(BookState.GOOD, 5_984_999, 6_015_000, NOW_NS)
    assert desk.check() == Refusal(Reason.SPREAD_TOO_WIDE, 51, 50)


def test_an_intent_may_be_as_far_ahead_as_its_bound() -> None:
    """The edge is inside; the youngest intent is never too old, whatever its ttl."""
    assert Desk().check(decided_ns=NOW_NS + 100_000_000) is APPROVED
    assert Desk().check(decided_ns=NOW_NS + 50, ttl_ns=1) is APPROVED
    assert Desk().check(decided_ns=NOW_NS - 1, ttl_ns=1) is APPROVED
    assert Desk().check(decided_ns=NOW_NS - 2, ttl_ns=1) == Refusal(Reason.INTENT_TOO_OLD, 2, 1)


def test_the_largest_and_the_least_size_are_inside_and_no_largest_size_is_no_bound() -> None:
    """0 means a venue without this filter."""
    rich = {"max_order_size_usd": Decimal(10**12), "max_position_usd": Decimal(10**12)}
    assert Desk(**rich).check(size=10**9) is APPROVED
    assert Desk(**rich).check(size=100) is APPROVED
    desk = Desk(**rich)
    desk.instruments[1] = replace(BTC, size_max=0)
    assert desk.check(size=10**9 + 10) is APPROVED
    desk.instruments[2] = replace(ETHBTC, size_max=1)
    assert desk.check(instrument_id=2, price=5_001, size=2) == Refusal(Reason.ORDER_TOO_LARGE, 2, 1)


def test_the_account_without_an_exposure_counts_the_order_alone() -> None:
    """Nothing is held; the size of the order that it replaces is subtracted."""
    desk = Desk(max_position_usd=Decimal("6000.03"), max_order_size_usd=Decimal(100_000))
    desk.gate._exposures.pop(1)  # type: ignore[attr-defined]
    assert desk.check() is APPROVED
    assert desk.reason(size=10_010) == Reason.POSITION_TOO_LARGE
    assert desk.check(size=20_000, relief=10_000) is APPROVED
    assert desk.reason(size=20_010, relief=10_000) == Reason.POSITION_TOO_LARGE
    assert desk.check(size=10_010, relief=10_010) is APPROVED


def test_the_rate_needs_an_instrument_of_that_asset_priced_in_dollars() -> None:
    """A cap measured by another asset's price is no cap."""
    order = {"instrument_id": 2, "price": 5_001, "size": 10_000}
    for wrong in (replace(BTC, base="ETH"), replace(BTC, quote="EUR")):
        desk = Desk(usd_instruments={"BTC": 1})
        desk.instruments[1] = wrong
        assert desk.check(**order) == Refusal(Reason.RATE_MISSING, 0, 0)
    desk = Desk(usd_instruments={"BTC": 1})
    desk.top.update(BookState.GOOD, 6_000_000, 6_000_050, NOW_NS - 2_000_000_000)
    assert desk.check(**order) is APPROVED
    desk.gate._tops.pop(1)  # type: ignore[attr-defined]
    assert desk.check(**order) == Refusal(Reason.RATE_MISSING, 0, 0)


def test_a_protective_price_is_cut_inward_to_a_whole_step() -> None:
    """One step outward is one step beyond the collar, which the gate refuses."""
    desk = Desk(price_collar_bps=100)
    desk.top.update(BookState.GOOD, 6_000_001, 6_000_006, NOW_NS)  # 1 %: 6060003.535 and 5940003.465
    assert (desk.gate.protective_price(1, BUY, 0), desk.gate.protective_price(1, SELL, 0)) == (6_060_000, 5_940_005)
    assert desk.gate.protective_price(1, SELL, 6_000_005) == 6_000_005
