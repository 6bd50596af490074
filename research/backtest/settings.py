"""The configuration of a backtest: a dictionary, or a TOML file with the same keys.

    half_spread_steps = 1        # of bars and ticks, which have no book
    bars = ["1m"]                # of on_bar; of a table of bars: the length of its bars
    [instrument]
    symbol = "BTCUSDT"
    base = "BTC"
    quote = "USDT"
    price_step = "0.01"
    size_step = "0.00001"
    [latency]
    order_ms = 2.0
    answer_ms = 2.0
    feed_ms = 1.0
    [fees]
    maker = "0.0002"
    taker = "0.0005"
    [parameters]                 # of the strategy

Instrument, latency and fees have no default: each changes a result much. A wrong key is refused with the nearest right
one, and so is a key that the table's kind of data does not use.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

import msgspec

from engine.config.nearest import read_table
from engine.model.instrument import DECIMALS_MAX, Instrument
from research.bars.source import length_of
from research.bars.tape import PATHS
from research.simulate.models import Constant, Fees, Models, Queue

MS = 1_000_000
Milliseconds = Annotated[float, msgspec.Meta(ge=0.0, lt=3_600_000.0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
REQUIRED = ("instrument", "latency", "fees")


class InstrumentTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the venue says of the symbol; amounts are decimal text."""

    symbol: Text
    base: Text
    quote: Text
    price_step: Decimal
    size_step: Decimal
    size_min: Decimal = Decimal(0)
    size_max: Decimal = Decimal(0)  # 0: no largest order
    notional_min: Decimal = Decimal(0)
    venue: Text = "venue"


class LatencyTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Milliseconds; `feed_ms` is needed unless the data has a column `receive_time`."""

    order_ms: Milliseconds
    answer_ms: Milliseconds
    feed_ms: Milliseconds | None = None


class FeesTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of the notional, as decimal text; a negative maker's fee is a rebate."""

    maker: Text
    taker: Text


class QueueTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model of the place in the queue (docs/research/simulate.md)."""

    family: str = "conservative"
    exponent: float = 0.5


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One backtest."""

    instrument: InstrumentTable
    latency: LatencyTable
    fees: FeesTable
    parameters: dict[str, Any] = {}
    queue: QueueTable = QueueTable()
    caps: dict[str, Any] = {}  # keys of [risk]
    capital: dict[str, str | int] | None = None  # the free balances at the beginning; None: no balance is checked
    called: str = "message"
    speed: str = "fast"
    mark: str = "1m"  # how often equity is marked
    bars: tuple[str, ...] = ()
    half_spread_steps: Annotated[int, msgspec.Meta(ge=1)] | None = None
    bar_path: str | None = None  # which extreme of a bar is first
    bar_time: str | None = None  # whether the time of a bar is its "begin" or its "end"


TABLES: dict[str, type[msgspec.Struct]] = {
    "instrument": InstrumentTable, "latency": LatencyTable, "fees": FeesTable, "queue": QueueTable,
}  # fmt: skip
OF_KIND: dict[str, tuple[str, ...]] = {  # the keys that a kind of data needs, and those that it may have
    "bars": ("half_spread_steps", "bars", "bar_path", "bar_time"),
    "ticks": ("half_spread_steps", "bars"),
    "books": (),
    "events": ("bars",),
}
NEEDED = {"bars": ("half_spread_steps", "bars"), "ticks": ("half_spread_steps",), "books": (), "events": ()}


def read_settings(config: Mapping[str, Any] | str | PathLike[str]) -> Settings:
    """The settings of a dictionary, or of a TOML file."""
    if isinstance(config, Mapping):
        return _settings(config)
    path = Path(config)
    try:
        return _settings(tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _settings(values: Mapping[str, Any]) -> Settings:
    """Check each table by itself, so that an error has its name."""
    for name in REQUIRED:
        if name not in values and set(values) <= set(Settings.__struct_fields__):
            raise ValueError(f"config: no [{name}], expected one: it has no default")
    tables = {name: _table(name, kind, values[name]) for name, kind in TABLES.items() if name in values}
    try:
        return read_table({**values, **tables}, Settings)
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(f"config: {error}") from error


def _table(name: str, kind: type[msgspec.Struct], values: Any) -> msgspec.Struct:
    """One table of the configuration."""
    if not isinstance(values, Mapping):
        raise ValueError(f"config: {name} is {values!r}, expected a table")  # noqa: TRY004 - a value of the user
    try:
        return read_table(values, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(f"config: [{name}] {error}") from error


def check_kind(settings: Settings, kind: str) -> None:
    """Refuse a key that this kind of data does not use, and name one that it lacks."""
    for name in ("half_spread_steps", "bars", "bar_path", "bar_time"):
        given = getattr(settings, name) not in (None, ())
        if given and name not in OF_KIND[kind]:
            raise ValueError(f"config: `{name}` has no effect on {kind}: remove it")
        if not given and name in NEEDED[kind]:
            raise ValueError(f"config: no `{name}`, expected one for {kind}: {HELP[name]}")
    if kind == "bars" and len(settings.bars) != 1:
        raise ValueError(f"config: bars is {list(settings.bars)}, expected the one length of the bars, like ['1m']")
    if settings.bar_path not in (None, *PATHS):
        raise ValueError(f"config: bar_path is {settings.bar_path!r}, expected one of {', '.join(PATHS)}")
    if settings.bar_time not in (None, "begin", "end"):
        raise ValueError(f"config: bar_time is {settings.bar_time!r}, expected begin or end")
    for text in (*settings.bars, settings.mark):
        length_of(text)


HELP = {
    "half_spread_steps": "the data has no book, so name how many price steps a bid and an ask are off the price",
    "bars": 'the length of the bars, like ["1m"]',
}


def instrument_of(table: InstrumentTable) -> Instrument:
    """The instrument, with the decimals of its steps."""
    prices, sizes = _decimals("price_step", table.price_step), _decimals("size_step", table.size_step)
    return Instrument(
        id=1, venue=table.venue, symbol=table.symbol, base=table.base, quote=table.quote, price_decimals=prices,
        size_decimals=sizes, price_step=int(table.price_step.scaleb(prices)),
        size_step=int(table.size_step.scaleb(sizes)), size_min=_exact("size_min", table.size_min, sizes),
        size_max=_exact("size_max", table.size_max, sizes),
        notional_min=_exact("notional_min", table.notional_min, prices + sizes),
    )  # fmt: skip


def _decimals(name: str, step: Decimal) -> int:
    """The decimals of a step."""
    exponent = step.normalize().as_tuple().exponent
    if not step.is_finite() or step <= 0 or not isinstance(exponent, int) or -exponent > DECIMALS_MAX:
        raise ValueError(f"config: [instrument] {name} is {step}, expected a number over 0 like 0.01")
    return max(0, -exponent)


def _exact(name: str, amount: Decimal, decimals: int) -> int:
    """An amount in its decimals."""
    scaled = amount.scaleb(decimals) if amount.is_finite() else None
    if scaled is None or scaled < 0 or scaled != int(scaled):
        raise ValueError(f"config: [instrument] {name} is {amount}, expected 0 or more with {decimals} decimals")
    return int(scaled)


def models_of(settings: Settings, *, received: bool) -> Models:
    """The models; `received`: the data has the times at which it was received."""
    latency = settings.latency
    if received and latency.feed_ms is not None:
        raise ValueError("config: [latency] feed_ms: the data has receive_time: remove one of both")
    if not received and latency.feed_ms is None:
        raise ValueError("config: [latency] no feed_ms: the data has no receive_time, so name the feed's latency")
    feed = None if latency.feed_ms is None else _constant(latency.feed_ms)
    fees, queue = Fees.flat(settings.fees.maker, settings.fees.taker), settings.queue
    return Models(
        _constant(latency.order_ms), _constant(latency.answer_ms), fees, Queue(queue.family, queue.exponent), feed
    )


def _constant(latency_ms: float) -> Constant:
    return Constant(round(latency_ms * MS))
