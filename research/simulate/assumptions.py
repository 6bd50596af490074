"""The assumptions of a run, and the money that each one adds to its result.

Each `Switch` is an assumption that a run makes or does not make. To price it, the same tape runs again with that one
assumption switched: its P&L is the final equity with it, less the final equity without it.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from research.simulate.models import Constant, Fees, Models, Queue
from research.simulate.result import Assumption, Result
from research.simulate.setup import Setup

AT_ONCE = Constant(0)
NO_LATENCY = "the run has none that it could use instead: give it one, and the difference is printed"
Run = Callable[[Setup], Result]


@dataclass(frozen=True)
class Switch:
    """One assumption that favours the strategy: whether a run makes it, and the run in which that is the other way."""

    name: str
    text: str
    made: Callable[[Setup], bool]
    other: Callable[[Setup], Setup | str]  # or the reason why there is no such run


def _models(setup: Setup, **changes: Any) -> Setup:
    """The same run with other models."""
    return replace(setup, models=replace(setup.models, **changes))


def _option(name: str, text: str) -> Switch:
    """An assumption that is a field of `Models`."""
    return Switch(
        name, text, lambda setup: getattr(setup.models, name),
        lambda setup: _models(setup, **{name: not getattr(setup.models, name)}),
    )  # fmt: skip


def _latency(field: str, name: str, text: str) -> Switch:
    """An assumption that a latency is 0."""
    return Switch(
        name, text, lambda setup: getattr(setup.models, field) == AT_ONCE,
        lambda setup: NO_LATENCY if getattr(setup.models, field) == AT_ONCE else _models(setup, **{field: AT_ONCE}),
    )  # fmt: skip


def _queue(family: str) -> Switch:
    """An assumption that a family of queues is right; the other run of it is the conservative one."""

    def other(setup: Setup) -> Setup | str:
        if setup.models.queue.family == family:
            return _models(setup, queue=Queue())
        return _models(setup, queue=Queue(family))

    return Switch(
        f"queue_{family}", "a part of cancels was ahead of us", lambda setup: setup.models.queue.family == family, other
    )


def _free(models: Models) -> bool:
    """Whether no fill costs a fee."""
    return all(tier.maker <= 0 and tier.taker <= 0 for tier in models.fees.tiers)


def _without_capital(setup: Setup) -> Setup:
    """The same run without balances, and so without margin."""
    return replace(setup, capital=None, models=replace(setup.models, margin=None))


def _has_perpetual(setup: Setup) -> bool:
    """Whether the run has an instrument whose positions pay funding."""
    return any(one.kind == "perpetual" for one in setup.instruments)


def _without_slippage(setup: Setup) -> Setup | str:
    """The same run without a slippage of stops."""
    if setup.speed == "fast":
        return "`fast` has no stops"
    if setup.models.stop_slippage_bps is None:
        return "the run has no slippage of stops: give its models `stop_slippage_bps`"
    return _models(setup, stop_slippage_bps=None)


def _unfunded(setup: Setup) -> Setup | str:
    """The same run without funding."""
    if not _has_perpetual(setup):
        return "the run has no perpetual"
    if setup.models.funding is None:
        return "the run has no funding: give its models `Funding`"
    return _models(setup, funding=None)


def _called(setup: Setup) -> Setup | str:
    """The same run with the hook called the other way."""
    if setup.speed == "engine":
        return 'speed "engine" shows the strategy whole messages'
    return replace(setup, called="message" if setup.called == "event" else "event")


SWITCHES = (
    _option("liquidity_returns", "what our orders took is back at the next change"),
    _option("through_fills_whole", "a print beyond an order's price fills all of it"),
    _option("level_returns_empty", "a level that leaves the data and returns has no size before our order"),
    _option("unseen_level_empty", "a price that the data has not shown has no size before our order"),
    _option("level_before_print", "a level that shrinks before its print moves our order forward twice"),
    _queue("power"),
    _queue("log"),
    _latency("order_latency", "no_order_latency", "an order is at the venue when it is decided"),
    _latency("answer_latency", "no_answer_latency", "an answer is here when the venue gives it"),
    _latency("feed_latency", "no_feed_latency", "market data is here when it happens"),
    Switch(
        "no_fees", "no fill costs a fee", lambda setup: _free(setup.models),
        lambda setup: "the run has no other fees: give it those of the account"
        if _free(setup.models) else _models(setup, fees=Fees.flat("0", "0")),
    ),
    Switch(
        "no_caps", "no cap of risk bounds an order or a position", lambda setup: not setup.caps,
        lambda setup: replace(setup, caps={}) if setup.caps else "the run has no caps: give it those of `[risk]`",
    ),
    Switch(
        "no_margin", "a balance is not checked: any size can be bought, and any sold",
        lambda setup: setup.capital is None,
        lambda setup: "the run has no balances: give it `capital`"
        if setup.capital is None else _without_capital(setup),
    ),
    Switch(
        "no_rejects", "the venue rejects no order at random", lambda setup: setup.models.rejects is None,
        lambda setup: "the run has no rejects: give its models `Rejects`"
        if setup.models.rejects is None else _models(setup, rejects=None),
    ),
    Switch(
        "no_impact", "what our orders take does not move the price", lambda setup: setup.models.impact is None,
        lambda setup: "the run has no impact: give its models `Impact`"
        if setup.models.impact is None else _models(setup, impact=None),
    ),
    Switch(
        "no_stop_slippage", "an order that a stop has sent takes what the book shows when it arrives",
        lambda setup: setup.speed == "engine" and setup.models.stop_slippage_bps is None, _without_slippage,
    ),
    Switch(
        "no_funding", "no position in a perpetual pays funding",
        lambda setup: _has_perpetual(setup) and setup.models.funding is None, _unfunded,
    ),
    Switch(
        "called_within_messages", "the strategy sees a message's events one by one; live it sees the whole",
        lambda setup: setup.called == "event", _called,
    ),
)  # fmt: skip


class Always(NamedTuple):
    """An assumption of every run."""

    name: str
    favours: bool
    text: str
    unpriced: str


ALWAYS = (
    Always(
        "no_outage", True, "no connection is lost, and no request is refused for a rate",
        "the data does not say when a connection would have been lost",
    ),
    Always(
        "late_print", True, "a print after the next change of its level moves our order forward twice",
        "the data does not say which decrease a print explains",
    ),
    Always("fees_in_quote", False, "every fee is charged in the quote currency", "fees have one price"),
    Always(
        "open_at_end", False, "what is held at the end is valued at the middle, not closed",
        "the data ends before a closing order could trade",
    ),
)  # fmt: skip


def made_by(setup: Setup) -> tuple[Assumption, ...]:
    """The assumptions of a run: those that were chosen, then those that `fast` always makes."""
    chosen = [Assumption(one.name, True, one.text) for one in SWITCHES if one.made(setup)]
    return (*chosen, *(Assumption(one.name, one.favours, one.text) for one in ALWAYS))


def made_by_any(setups: Iterable[Setup]) -> tuple[Assumption, ...]:
    """The assumptions that a run makes for at least one of its accounts, in the order of `made_by`."""
    tables = [made_by(setup) for setup in setups]
    names = {row.name for table in tables for row in table}
    chosen = [Assumption(one.name, True, one.text) for one in SWITCHES if one.name in names]
    return (*chosen, *tables[0][len(tables[0]) - len(ALWAYS) :])


def priced(setup: Setup, result: Result, run: Run) -> tuple[Assumption, ...]:
    """Every assumption, also those that the run does not make, with the P&L that it adds or would add."""
    return tuple(sorted((*_priced(setup, result, run), *_unpriced()), key=_most_first))


def _priced(setup: Setup, result: Result, run: Run) -> Iterator[Assumption]:
    """The assumptions that can be switched, each with the difference that it makes."""
    for one in SWITCHES:
        made, other = one.made(setup), one.other(setup)
        row = Assumption(one.name, True, one.text, made)
        if isinstance(other, str):
            yield row._replace(unpriced=other)
            continue
        before, after = _profit(result), _profit(run(other))
        if isinstance(before, str) or isinstance(after, str):
            yield row._replace(unpriced=before if isinstance(before, str) else str(after))
        else:
            yield row._replace(pnl=before - after if made else after - before)


def _unpriced() -> Iterator[Assumption]:
    """The assumptions of every run, each with the reason why it has no price."""
    for one in ALWAYS:
        yield Assumption(one.name, one.favours, one.text, unpriced=one.unpriced)


def _profit(result: Result) -> float | str:
    """The final equity, or the reason why there is none."""
    profits = result.profits
    if len(profits) > 1:
        return f"the run has profits in {', '.join(sorted(profits))}, which cannot be added"
    profit = next(iter(profits.values()))
    return "the book of a position is not good at the end of the data" if math.isnan(profit) else profit


def _most_first(one: Assumption) -> tuple[bool, bool, float]:
    """What favours the strategy first, the largest P&L first, what has no price last."""
    return (not one.favours, one.pnl is None, -(one.pnl or 0.0))
