"""A compiled run does what the plain reference does, fill for fill and hook for hook."""

import os
from fractions import Fraction

import pytest

from engine.model.words import OrderState
from research.simulate import Cause, Result, simulate
from tests.research.simulate.reference import Reference
from tests.research.simulate.tapes import BTC, ETH, Script, Scripted, Timed, capital, models, tape

SEEDS = 400 if os.environ.get("STEELYARD_SOAK") else 16
EVENTS = 400
CAPS = {"max_order_size_usd": "0.03", "max_position_usd": "0.02"}


def compare(seed: int) -> Result:
    """Run both; the result of the compiled run."""
    events, chosen = tape(seed, EVENTS), models(seed)
    caps = CAPS if seed % 3 == 0 else {}
    each, kind = seed % 2 == 0, Timed if seed % 5 == 0 else Scripted
    log: list = []
    instruments = (BTC, ETH)
    parameters = {"script": Script(seed, instruments), "log": log}
    result = simulate(
        events, kind, instruments=instruments, models=chosen, parameters=parameters, caps=caps,
        called="event" if each else "message", capital=capital(seed),
    )  # fmt: skip
    plain = Reference(
        events, instruments, chosen, caps, Script(seed, instruments), each=each, timer_ns=kind.timer_ns,
        capital=capital(seed),
    )  # fmt: skip
    plain.run()
    names = ["venue_ns", "receive_ns", "intent_id", "price", "size", "fee", "instrument", "side", "maker"]
    for place, (found, expected) in enumerate(zip(log, plain.log, strict=False)):
        assert found == expected, f"seed {seed}, call {place}: after {log[max(0, place - 6) : place]}"
    assert len(log) == len(plain.log), seed
    assert result.fills[names].tolist() == plain.fills, seed
    assert result.fills["impact"].tolist() == plain.impacts, seed
    ends = [(o.intent_id, o.state, o.filled, o.size, o.done_ns, o.cause) for o in plain.orders]
    assert result.orders[["intent_id", "state", "filled", "size", "done_ns", "cause"]].tolist() == ends, seed
    assert (plain.capital is not None) == bool(result.balances), seed
    for asset, found in result.balances.items():
        assert (Fraction(found.free), Fraction(found.locked)) == (plain.free(asset), plain.locked(asset)), (seed, asset)
    assert (result.refused, result.late_cancels) == (plain.refused, plain.late), seed
    return result


@pytest.mark.parametrize("first", range(0, SEEDS, 4))
def test_a_run_equals_the_reference_fill_for_fill(first: int) -> None:
    """Two programs with one meaning: an error of one of them is a difference."""
    for seed in range(first, first + 4):
        compare(seed)


def test_the_random_runs_reach_every_rule() -> None:
    """A comparison of runs in which nothing happens would show nothing."""
    results = [compare(seed) for seed in range(1000, 1030)]
    orders = [order for result in results for order in result.orders]
    assert {fill["maker"] for result in results for fill in result.fills} == {0, 1}
    assert {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.OPEN} <= {
        order["state"] for order in orders
    }
    assert set(Cause) - {Cause.TRIGGERED} == {order["cause"] for order in orders}
    assert any(0 < order["filled"] < order["size"] for order in orders)
    assert {fill["maker"] for result in results for fill in result.fills if fill["impact"]} == {0}
    assert all(sum(getattr(result, name) for result in results) > 10 for name in ("refused", "late_cancels"))
