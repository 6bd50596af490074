"""A comparison as trees for JSON."""

from typing import Any

from engine.cli.output import iso, plain
from research.parity.decisions import Decisions, Difference
from research.parity.session import Parity
from research.parity.simulated import money
from research.parity.simulated.pair import Answers, Pair

COUNTS = ("intents", "identical", "different", "extra", "cut_off", "after", "lost")


def tree_of(found: Parity, *, orders: bool = False) -> dict[str, Any]:
    """The whole comparison; with `orders` every order beside its simulation."""
    return {
        "system": found.system, "mode": found.mode, "recording": found.source,
        "first": iso(found.session.first_ns), "last": iso(found.session.last_ns), "identical": found.identical,
        "decisions": [_decisions_tree(one) for one in found.decisions],
        "answers": [answers_tree(one, orders=orders) for one in found.answers],
    }  # fmt: skip


def _decisions_tree(one: Decisions) -> dict[str, Any]:
    return {
        "strategy": one.strategy, "verdict": one.verdict, **{name: getattr(one, name) for name in COUNTS},
        "steps": one.steps, "steps_identical": one.steps_identical, "lives": one.lives, "changed": one.changed,
        "missing": one.missing, "differences": [_difference_tree(difference) for difference in one.differences],
    }  # fmt: skip


def _difference_tree(one: Difference) -> dict[str, Any]:
    rows = {name: _row(getattr(one, name)) for name in ("recorded", "replayed")}
    return {
        "life": one.life, "step": one.step, "at": iso(one.at_ns), "what": one.what, "fields": list(one.fields),
        "cursors": one.cursors, **rows, "stack": one.stack,
    }  # fmt: skip


def _row(row: Any) -> dict[str, Any] | None:
    return None if row is None else {name: plain(value) for name, value in row._asdict().items()}


def answers_tree(one: Answers, *, orders: bool) -> dict[str, Any]:
    """The simulated answers of one strategy."""
    tree: dict[str, Any] = {
        "strategy": one.strategy, "orders": one.orders, "matched": len(one.pairs), "left_out": dict(one.left_out),
        **_summary(one.pairs), "order_latency": one.latency, "measured_order_latency_ns": one.measured_ns,
        "stages": {name: spread._asdict() for name, spread in one.stages.items()},
        "fees": None if one.fees is None else {"maker": str(one.fees.maker), "taker": str(one.fees.taker)},
        "queue": one.queue, "notes": one.notes,
        "profit": {
            quote: {name: money.text(amount) for name, amount in sums.items()} for quote, sums in one.money().items()
        },
    }  # fmt: skip
    return tree | ({"order_list": [pair_tree(pair) for pair in one.pairs]} if orders else {})


def _summary(pairs: list[Pair]) -> dict[str, Any]:
    """How the fills of matched orders compare."""
    both = [one for one in pairs if one.recorded.size and one.simulated.size]
    value = sum(one.recorded.value for one in both)
    worth = sum(one.recorded.value * (one.price_bps or 0.0) for one in both)
    return {
        "filled_in_both": len(both),
        "filled_only_in_session": sum(bool(one.recorded.size and not one.simulated.size) for one in pairs),
        "filled_only_simulated": sum(bool(one.simulated.size and not one.recorded.size) for one in pairs),
        "filled_in_neither": sum(not (one.recorded.size or one.simulated.size) for one in pairs),
        "other_size": sum(one.recorded.size != one.simulated.size for one in both),
        "price_bps": worth / value if value else None,
        "later_ns": money.middle(one.later_ns or 0 for one in both) if both else None,
    }


def pair_tree(pair: Pair) -> dict[str, Any]:
    """One order beside its simulation."""
    row, one = pair.order.first, pair.instrument
    return {
        "intent_id": row.intent_id, "client_id": row.client_id.hex(), "symbol": one.symbol, "side": row.side,
        "price": row.price / 10**one.price_decimals, "size": row.size / 10**one.size_decimals,
        **{
            name: {
                "filled": of.size / 10**one.size_decimals,
                "price": of.price / 10**one.price_decimals if of.size else None,
                "at": iso(of.first_ns),
            }
            for name, of in (("session", pair.recorded), ("simulated", pair.simulated))
        },
        "price_bps": pair.price_bps, "later_ns": pair.later_ns,
        "profit": {
            "recorded": money.text(pair.recorded_money), "simulated": money.text(pair.simulated_money),
            **{name: money.text(amount) for name, amount in pair.parts.items()},
        },
    }  # fmt: skip
