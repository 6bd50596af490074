"""Why risk refused an intent, and why a venue rejected an order, as one line of text.

    ORDER_RATE: 61 of 60 in a minute     POSITION_TOO_LARGE: 100120.50 of 100000.00 USD     -2010 Insufficient balance

A verdict carries its reason, the value that was found and the limit that was allowed as three integers. What the two
numbers count depends on the reason, and for prices and sizes on the instrument. `refusal_text` is the one place that
knows it; the view, the commands and the logs all print what it returns.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from engine.model import algorithms
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.text import shown
from engine.model.words import AlarmReason, BookState, OrderState, Reason

Detail = Callable[[int, int, Instrument | None], str]
MICRO_DECIMALS = 6
CENT = Decimal("0.01")
RESUME = "a breaker has tripped: engine-ctl status shows its scope, engine-ctl resume of that scope ends it"
SECOND_NS, MS = 1_000_000_000, 1_000_000


def refusal_text(reason: int, value: int = 0, limit: int = 0, instrument: Instrument | None = None) -> str:
    """The reason's name and what was found against what was allowed.

    Without the instrument, prices and sizes are printed as the integers that the record holds.
    """
    if reason not in DETAILS:
        return f"{_name(reason)}: {value} of {limit}"
    detail = DETAILS[Reason(reason)](value, limit, instrument)
    return f"{_name(reason)}: {detail}" if detail else _name(reason)


def reject_text(error: str | bytes, text: str | bytes = "") -> str:
    """The venue's code and its words, which a record holds as bytes; empty where the venue gave neither."""
    code, words = (shown(one) if isinstance(one, bytes) else one for one in (error, text))
    code = "".join(letter if letter.isprintable() else "?" for letter in code)
    words = "".join(letter if letter.isprintable() else "?" for letter in words)  # no control code reaches a terminal
    return f"{code} {words}".rstrip() if code else words


def _name(reason: int) -> str:
    return Reason(reason).name if reason in set(Reason) else f"REASON_{reason}"


def _fixed(text: str) -> Detail:
    """The text of a reason that has no value and no limit."""
    return lambda *_: text


def _count(unit: str) -> Detail:
    return lambda value, limit, _: f"{value} of {limit} {unit}"


def _age(value: int, limit: int, _: Instrument | None) -> str:
    return f"{_duration(value)} old, at most {_duration(limit)}"


def _duration(age_ns: int) -> str:
    return f"{age_ns / SECOND_NS:.3f} s" if abs(age_ns) >= SECOND_NS else f"{age_ns / MS:.1f} ms"


def _rate(value: int, limit: int, _: Instrument | None) -> str:
    """A limit of 0 is the venue's own: it asked for silence, and `value` is what is left of it."""
    return f"{value} of {limit} in a minute" if limit else f"the venue asked for silence, {_duration(value)} are left"


def _dollars(value: int, limit: int) -> str:
    """Rounded away from the limit, so that what is over it is never printed as equal to it."""
    found = Decimal(value).scaleb(-MICRO_DECIMALS).quantize(CENT, ROUND_UP)
    return f"{found} of {Decimal(limit).scaleb(-MICRO_DECIMALS).quantize(CENT, ROUND_DOWN)} USD"


def _tripped(detail: Detail) -> Detail:
    """A breaker's trip; the cell GATE has its reason without the numbers."""
    return lambda value, limit, one: f"{detail(value, limit, one)}, {RESUME}" if value or limit else RESUME


def _share(what: str) -> Detail:
    """Dollars against the part of the equity that is allowed."""
    return lambda value, limit, _: f"{_dollars(value, limit)} {what}"


def _order_size(value: int, limit: int, instrument: Instrument | None) -> str:
    """The instrument's own largest order, in its base asset, or the cap in dollars."""
    if instrument is not None and limit == instrument.size_max:
        return f"{_size(value, instrument)} of {_size(limit, instrument)}"
    return _dollars(value, limit)


def _price_step(value: int, limit: int, instrument: Instrument | None) -> str:
    return f"{_price(value, instrument)} is not a multiple of {_price(limit, instrument)}"


def _size_step(value: int, limit: int, instrument: Instrument | None) -> str:
    least = instrument is not None and limit == instrument.size_min and value < limit
    relation = "is less than" if least else "is not a multiple of"
    return f"{_size(value, instrument)} {relation} {_size(limit, instrument)}"


def _notional(value: int, limit: int, instrument: Instrument | None) -> str:
    if instrument is None:
        return f"{value} is less than {limit}"
    decimals = instrument.price_decimals + instrument.size_decimals
    return f"{to_text(value, decimals)} is less than {to_text(limit, decimals)} {instrument.quote}"


def _price(value: int, instrument: Instrument | None) -> str:
    return str(value) if instrument is None else to_text(value, instrument.price_decimals)


def _size(value: int, instrument: Instrument | None) -> str:
    return str(value) if instrument is None else f"{to_text(value, instrument.size_decimals)} {instrument.base}"


def _book(value: int, _limit: int, _: Instrument | None) -> str:
    return f"the book is {BookState(value).name if value in set(BookState) else value}"


def _order(value: int, _limit: int, _: Instrument | None) -> str:
    """The state of the order that was meant; 0 where execution knows no such order."""
    return f"the order is {OrderState(value).name}" if value in set(OrderState) else "no such order of this strategy"


def _malformed(value: int, limit: int, _: Instrument | None) -> str:
    return f"a field is {value}, expected {limit}" if limit else f"a field is {value}"


def _instrument(text: str) -> Detail:
    return lambda value, _, instrument: f"{instrument.symbol if instrument is not None else value} {text}"


def _halted(value: int, _limit: int, instrument: Instrument | None) -> str:
    what = instrument.symbol if instrument is not None else "the instrument"
    if value == AlarmReason.OPERATOR:
        return f"an operator has halted {what}, engine-ctl resume --instrument ends it"
    return f"execution has halted {what}, engine-ctl status shows the reason"


DETAILS: dict[Reason, Detail] = {
    Reason.APPROVED: _fixed(""),
    Reason.HALTED: _fixed("the system is halted"),
    Reason.DRAINING: _fixed("execution is stopping"),
    Reason.BOOK_NOT_GOOD: _book,
    Reason.BOOK_TOO_OLD: _age,
    Reason.INTENT_TOO_OLD: _age,
    Reason.PRICE_STEP: _price_step,
    Reason.SIZE_STEP: _size_step,
    Reason.NOTIONAL_TOO_SMALL: _notional,
    Reason.PRICE_BOUND: lambda value, limit, one: (
        f"{_price(value, one)} is {'less' if value < limit else 'more'} than the venue's {_price(limit, one)}"
    ),
    Reason.NOTIONAL_TOO_LARGE: lambda value, limit, one: _notional(value, limit, one).replace("less", "more"),
    Reason.VENUE_POSITION: lambda value, limit, one: f"{_size(value, one)} of the venue's {_size(limit, one)}",
    Reason.PRICE_COLLAR: _count("bp from the middle of the book"),
    Reason.ORDER_TOO_LARGE: _order_size,
    Reason.POSITION_TOO_LARGE: lambda value, limit, _: _dollars(value, limit),
    Reason.GROSS_TOO_LARGE: lambda value, limit, _: _dollars(value, limit),
    Reason.ORDER_RATE: _rate,
    Reason.UNKNOWN_INSTRUMENT: _instrument("is not an instrument of this system"),
    Reason.UNKNOWN_ORDER: _order,
    Reason.INSTRUMENT_NOT_TRADING: _instrument("is not traded at the venue now"),
    Reason.JOURNAL_FULL: _fixed("the disk has no room for the journal, only exits are sent"),
    Reason.NOT_RECONCILED: _fixed("the venue has not yet answered for every order and fill"),
    Reason.DUPLICATE_INTENT: lambda value, limit, _: f"intent {value} was read before, the last one is {limit}",
    Reason.VENUE_NOT_CONNECTED: _fixed("there is no order session with the venue"),
    Reason.MALFORMED: lambda value, limit, _: (
        f"a field is {value}, expected {limit}" if limit else f"a field is {value}"
    ),
    Reason.RATE_MISSING: _fixed("no good price converts the size into dollars"),
    Reason.SPREAD_TOO_WIDE: _count("bp of spread"),
    Reason.BUDGET_EXCEEDED: lambda value, limit, _: _dollars(value, limit),
    Reason.BUDGET_STALE: _fixed("the router does not confirm the account's budget, only exits are sent"),
    Reason.MONITOR_SILENT: _fixed("the monitor sends no heartbeat, only exits are sent"),
    Reason.SUPERVISOR_LOST: _fixed("the supervisor sends no heartbeat, only exits are sent"),
    Reason.INSTRUMENT_NOT_PERMITTED: _instrument("is not among the strategy's instruments"),
    Reason.INTENT_FROM_FUTURE: lambda value, limit, _: (
        f"decided {_duration(value)} after now, at most {_duration(limit)}"
    ),
    Reason.STRATEGY_DISABLED: _fixed("engine-ctl strategy enable ends it"),
    Reason.VENUE_RATE: _count("that orders like this one may use of a limit of the venue"),
    Reason.STRATEGY_RATE: _count("in a minute, the strategy's share of the rate"),
    Reason.VOLUME_SHARE: lambda value, limit, instrument: (
        f"{_size(value, instrument)} of {_size(limit, instrument)} for what the market traded in the last minutes"
    ),
    Reason.INSTRUMENT_HALTED: _halted,
    Reason.UNKNOWN_ALGORITHM: lambda value, *_: f"found algorithm {value}, expected one of: {algorithms.known()}",
    Reason.ALGORITHM_PARAMETER: lambda value, limit, _: algorithms.parameter_text(limit, value),
    Reason.NO_VOLUME_PROFILE: _instrument("has no bars in the file of [execution] volume_profile"),
    Reason.SLICE_TOO_SHORT: lambda value, limit, _: f"a slice has {value} ms, at least {limit}: ask for fewer slices",
    Reason.NOT_AMENDABLE: lambda value, limit, _: (
        f"found size {value}, expected one below the order's {limit} and above its fills, no other amend under way,"
        " and a venue that amends in place"
    ),
    Reason.NOTHING_TO_REDUCE: _fixed("the strategy has no position that its open orders do not close already"),
    Reason.TOO_MANY_KEPT: _count("orders that execution keeps, [execution] kept_most"),
    Reason.ACCOUNT_HALTED: lambda value, *_: f"account {value} is halted, engine-ctl resume --account ends it",
    Reason.STRATEGY_HALTED: lambda value, *_: f"strategy {value} is halted, engine-ctl resume --strategy ends it",
    Reason.NET_TOO_LARGE: lambda value, limit, _: _dollars(value, limit),
    Reason.SECTOR_TOO_LARGE: lambda value, limit, _: _dollars(value, limit),
    Reason.CONCENTRATION_TOO_HIGH: _share("for one instrument's share of the equity"),
    Reason.LEVERAGE_TOO_HIGH: _share("for the equity"),
    Reason.MARGIN_TOO_LOW: _share("that the margin may use"),
    Reason.LIQUIDATION_TOO_NEAR: lambda value, limit, _: (
        f"{value} bp of the price to a liquidation, at least {limit}, with every open order filled"
    ),
    Reason.TOO_MANY_ORDERS: _count("open orders"),
    Reason.SELF_TRADE: lambda value, limit, instrument: (
        f"{_price(value, instrument)} reaches an order of this account at {_price(limit, instrument)}"
    ),
    Reason.DUPLICATE_ORDER: lambda value, limit, _: (
        f"repeats an order of its strategy {_duration(value)} after it, at the earliest {_duration(limit)}"
    ),
    Reason.VAR_TOO_HIGH: _share("at risk in a day (95 %)"),
    Reason.NO_HISTORY: lambda value, limit, _: (
        f"{value} of {limit} days in the file var_history"
        if value
        else f"the file var_history has no day of the last week for everything held (it needs {limit} days)"
    ),
    Reason.DRAWDOWN: _tripped(lambda value, limit, _: f"{_dollars(value, limit)} below the peak"),
    Reason.DAILY_LOSS: _tripped(lambda value, limit, _: f"{_dollars(value, limit)} lost today"),
    Reason.LOSS_STREAK: _tripped(_count("losing round trips in a row")),
    Reason.FLASH_CRASH: _tripped(_count("bp of a watched instrument's move")),
    Reason.ACK_LATENCY: _tripped(
        lambda value, limit, _: f"the venue's answers take {_duration(value)} of {_duration(limit)} (p99)"
    ),
    Reason.HEARTBEAT_LATENCY: _tripped(
        lambda value, limit, _: f"the venue gives its time after {_duration(value)} of {_duration(limit)} (p99)"
    ),
    Reason.FILLS_UNAUDITED: _fixed("the venue's listing of fills has not been read for too long, only exits are sent"),
}
