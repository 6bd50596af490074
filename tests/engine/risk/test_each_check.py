"""Each check of each list of the gate, alone: one order that it refuses, and that passes when the check is removed."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from engine.model.words import BUY, SELL, BookState, Reason
from engine.risk import gate
from engine.risk.caps import CAPS
from engine.risk.gate import Account, Check, Proposed, Refusal
from engine.risk.market import Top
from engine.venues.trading.budget import Reported
from tests.engine.risk.test_exits import holding, spend
from tests.engine.risk.test_gate import BTC, NOW_NS, STRATEGY, Desk

Spoil = Callable[[Desk], dict[str, Any]]  # spoils the desk; the fields of the order that are spoilt


class NoExit:
    """A cap that refuses exits too; no cap of the product does."""

    exits = True

    def check(self, _: Proposed, __: Account) -> Refusal:
        """Refuse."""
        return Refusal(Reason.TOO_MANY_ORDERS)


def switch(**switches: Any) -> Spoil:
    """The switches of the gate."""

    def spoil(desk: Desk) -> dict[str, Any]:
        for name, value in switches.items():
            setattr(desk.gate, name, value)
        return {}

    return spoil


def field(**fields: Any) -> Spoil:
    """Fields of the order."""
    return lambda _: fields


def doing(what: Callable[[Desk], Any], **fields: Any) -> Spoil:
    """Something done to the desk."""

    def spoil(desk: Desk) -> dict[str, Any]:
        what(desk)
        return fields

    return spoil


def fill_venue(desk: Desk) -> None:
    """The venue's limit on orders is used up."""
    desk.gate.budget.correct(1, NOW_NS, [Reported(0, 60 * 10**9, 100, 99), Reported(1, 10**10, 100, 99)], NOW_NS)


def fill_rate(desk: Desk) -> None:
    """Both parts of the rate are used up."""
    spend(desk)
    while desk.gate.reserve.full(NOW_NS, STRATEGY) is None:
        desk.gate.mark(NOW_NS, STRATEGY, True)


def stale(desk: Desk) -> None:
    """The book is not good any more."""
    desk.top.update(BookState.STALE, 6_000_000, 6_000_050, NOW_NS)


def crowd(desk: Desk) -> None:
    """The venue lets two orders be open, and two are."""
    desk.instruments[1] = replace(BTC, orders_max=2)
    desk.gate._sight = SimpleNamespace(  # type: ignore[assignment]
        open_orders=lambda: [SimpleNamespace(instrument=1)] * 2, newest_orders=list, heartbeats=list
    )


SPOILS: dict[str, tuple[Spoil, Reason]] = {
    "halt": (switch(halted=True), Reason.HALTED),
    "scope": (switch(account_halted=1), Reason.ACCOUNT_HALTED),
    "drain": (switch(draining=True), Reason.DRAINING),
    "reconciled": (switch(reconciled=False), Reason.NOT_RECONCILED),
    "connected": (switch(connected=False), Reason.VENUE_NOT_CONNECTED),
    "stopped": (doing(lambda desk: desk.stopped.update({1: SimpleNamespace(reason=1)})), Reason.INSTRUMENT_HALTED),
    "disabled": (doing(lambda desk: desk.gate.disabled.add(STRATEGY)), Reason.STRATEGY_DISABLED),
    "instrument": (
        doing(lambda desk: desk.instruments.update({1: replace(BTC, trading=False)})), Reason.INSTRUMENT_NOT_TRADING
    ),
    "permit": (switch(_permits={}), Reason.INSTRUMENT_NOT_PERMITTED),
    "form": (field(price=-5), Reason.MALFORMED),
    "book": (doing(stale), Reason.BOOK_NOT_GOOD),
    "chased_book": (doing(stale, follows_book=True), Reason.BOOK_NOT_GOOD),
    "last_book": (doing(lambda desk: desk.tops.update({1: Top()})), Reason.BOOK_NOT_GOOD),
    "spread": (
        doing(lambda desk: desk.top.update(BookState.GOOD, 5_980_000, 6_020_000, NOW_NS)), Reason.SPREAD_TOO_WIDE
    ),
    "age": (field(decided_ns=NOW_NS - 2 * 10**9), Reason.INTENT_TOO_OLD),
    "steps": (field(price=6_000_001), Reason.PRICE_STEP),
    "collar": (field(price=6_360_000), Reason.PRICE_COLLAR),
    "exit_collar": (field(price=5_000_000), Reason.PRICE_COLLAR),
    "size_max": (
        doing(lambda desk: desk.instruments.update({1: replace(BTC, size_max=100)})), Reason.ORDER_TOO_LARGE
    ),
    "price_bounds": (
        doing(lambda desk: desk.instruments.update({1: replace(BTC, price_max=5_999_999)})), Reason.PRICE_BOUND
    ),
    "notional_max": (
        doing(lambda desk: desk.instruments.update({1: replace(BTC, notional_max=1)})), Reason.NOTIONAL_TOO_LARGE
    ),
    "orders_max": (doing(crowd), Reason.TOO_MANY_ORDERS),
    "position_max": (
        doing(lambda desk: desk.instruments.update({1: replace(BTC, position_max=9_999)})), Reason.VENUE_POSITION
    ),
    "order_cap": (field(size=20_000), Reason.ORDER_TOO_LARGE),
    "position_cap": (doing(lambda desk: setattr(desk.held, "size", 160_000)), Reason.POSITION_TOO_LARGE),
    "caps": (
        doing(lambda desk: desk.gate.set_limits(desk.limits, (CAPS["max_gross_usd"].make(Decimal(1)),))),
        Reason.GROSS_TOO_LARGE,
    ),
    "exit_caps": (doing(lambda desk: desk.gate.set_limits(desk.limits, (NoExit(),))), Reason.TOO_MANY_ORDERS),
    "exits_only": (switch(exits_only=int(Reason.JOURNAL_FULL)), Reason.JOURNAL_FULL),
    "breakers": (doing(lambda desk: desk.gate.close_entries({0: Refusal(Reason.DRAWDOWN, 1, 2)})), Reason.DRAWDOWN),
    "silence": (switch(backoff_until_ns=NOW_NS + 1), Reason.ORDER_RATE),
    "venue_rate": (doing(fill_venue), Reason.VENUE_RATE),
    "exit_venue_rate": (doing(fill_venue), Reason.VENUE_RATE),
    "amend_rate": (doing(fill_venue), Reason.VENUE_RATE),
    "rate": (doing(spend), Reason.ORDER_RATE),
    "exit_rate": (doing(fill_rate), Reason.ORDER_RATE),
}  # fmt: skip


def enter(desk: Desk, spoilt: dict[str, Any]) -> Any:
    """An entry."""
    return desk.check(**spoilt)


def leave(desk: Desk, spoilt: dict[str, Any]) -> Any:
    """An exit."""
    return desk.check(side=SELL, **spoilt)


def close(desk: Desk, spoilt: dict[str, Any]) -> Any:
    """An order of a flattening."""
    return desk.gate.check_closing(NOW_NS, STRATEGY, 1, SELL, spoilt.get("price", 6_000_000), 10_000)


def amend(desk: Desk, spoilt: dict[str, Any]) -> Any:
    """A smaller size in place."""
    return desk.gate.check_amend(
        NOW_NS, STRATEGY, 1, SELL, spoilt.get("price", 6_000_000), 10_000, spoilt.get("decided_ns", NOW_NS), 0
    )


def wait(desk: Desk, spoilt: dict[str, Any]) -> Any:
    """An intent whose algorithm has no order yet."""
    return desk.gate.check_waiting(NOW_NS, STRATEGY, 1, spoilt.get("decided_ns", NOW_NS), 0)


def keep(side: int) -> Callable[[Desk, dict[str, Any]], Any]:
    """An order that execution keeps until its trigger."""
    return lambda desk, spoilt: desk.gate.check_kept(
        NOW_NS, STRATEGY, 1, side, spoilt.get("price", 6_000_000), 10_000, spoilt.get("decided_ns", NOW_NS), 0
    )


def wait_there(side: int) -> Callable[[Desk, dict[str, Any]], Any]:
    """An order that waits at the venue for its trigger."""
    return lambda desk, spoilt: desk.check(side=side, waits=True, **spoilt)


LISTS: dict[str, tuple[Callable[[], Desk], Callable[[Desk, dict[str, Any]], Any]]] = {
    "ENTRY": (Desk, enter),
    "EXIT": (holding, leave),
    "CLOSING": (holding, close),
    "AMENDING": (holding, amend),
    "WAITING": (holding, wait),
    "KEPT_ENTRY": (Desk, keep(BUY)),
    "KEPT_EXIT": (holding, keep(SELL)),
    "NATIVE_ENTRY": (Desk, wait_there(BUY)),
    "NATIVE_EXIT": (holding, wait_there(SELL)),
}
EACH = [(name, check) for name in LISTS for check in getattr(gate, name)]


def name_of(check: Check) -> str:
    """As the documents have it."""
    return check.__name__.removeprefix("check_")


def hold(name: str, check: Check) -> None:
    """The sound order passes, and the spoilt one is refused by this check."""
    make, ask = LISTS[name]
    assert not isinstance(ask(make(), {}), Refusal), "the order is sound before it is spoilt"
    desk = make()
    spoil, reason = SPOILS[name_of(check)]
    verdict = ask(desk, spoil(desk))
    assert isinstance(verdict, Refusal), f"{name_of(check)} refuses nothing"
    assert verdict.reason == reason, verdict


COPIED = {  # numbers that the approval has from its making: test_approval.py
    "instrument", "permit", "size_max", "price_bounds", "notional_max", "orders_max", "position_max",
}  # fmt: skip


@pytest.mark.parametrize(("name", "check"), EACH, ids=[f"{name}-{name_of(check)}" for name, check in EACH])
def test_each_check_refuses_and_nothing_else_does_its_work(
    name: str, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that could be removed without a failing test is one that will be."""
    hold(name, check)
    monkeypatch.setattr(gate, name, tuple(one for one in getattr(gate, name) if one is not check))
    with pytest.raises(AssertionError):
        hold(name, check)


@pytest.mark.parametrize("check", [one for one in gate.ENTRY if name_of(one) not in COPIED], ids=name_of)
def test_the_compiled_approval_approves_no_spoilt_entry(check: Check) -> None:
    """It is the way of almost every order."""
    desk = Desk()
    order = {"price": 6_000_000, "size": 10_000, "decided_ns": NOW_NS} | SPOILS[name_of(check)][0](desk)
    desk.gate.apply_budget(NOW_NS)
    assert not desk.gate.approves(NOW_NS, STRATEGY, 1, BUY, order["price"], order["size"], order["decided_ns"], 0)


def test_every_list_of_the_gate_is_in_this_test() -> None:
    """A new list must not be one that nothing proves."""
    lists = {name for name, value in vars(gate).items() if name.isupper() and type(value) is tuple}
    assert lists - {"SWITCHES", "VENUE"} == set(LISTS)
