"""Strategies: they read lanes and submit intents; there is no other way from a strategy to an order.

from engine.strategy import Book, Strategy         everything that an author needs is importable from here
"""

from typing import TYPE_CHECKING, Any

from engine.instruments import await_all
from engine.lanes import RoleLanes, open_role
from engine.model.group import Group, make_groups
from engine.model.instrument import Instrument
from engine.model.words import (
    BUY,
    SELL,
    BarFlag,
    BookState,
    OpportunityKind,
    OrderState,
    OrderType,
    Reason,
    TimeInForce,
)
from engine.role import StopsAloneError
from engine.strategy.api.book import Book
from engine.strategy.api.ledger import Order
from engine.strategy.api.rows import Bar, Fill, GlobalBook, Opportunity, Print, Verdict
from engine.strategy.api.schedule import at, every, session
from engine.strategy.api.sizing import exposed, fixed_fraction, kelly, value_at_risk_capped, volatility_scaled
from engine.strategy.api.strategy import Strategy, checked_parameters, reads_of
from engine.strategy.api.units import orderable, price_down, price_of, price_up, size_down, size_for, size_of
from engine.strategy.inputs import (
    atr,
    bollinger,
    ema,
    macd,
    obv,
    realised_volatility,
    rsi,
    sma,
    stochastic,
    volume_ratio,
    wma,
)
from engine.strategy.load import load_class
from engine.strategy.role.lanes import open_strategy_lanes
from engine.strategy.role.role import StrategyRole

if TYPE_CHECKING:
    from engine.config import Config

__all__ = [
    "BUY",
    "SELL",
    "Bar",
    "BarFlag",
    "Book",
    "BookState",
    "Fill",
    "GlobalBook",
    "Group",
    "Instrument",
    "Opportunity",
    "OpportunityKind",
    "Order",
    "OrderState",
    "OrderType",
    "Print",
    "Reason",
    "Strategy",
    "TimeInForce",
    "Verdict",
    "at",
    "atr",
    "bollinger",
    "build",
    "checked_parameters",
    "ema",
    "every",
    "exposed",
    "fixed_fraction",
    "kelly",
    "macd",
    "obv",
    "orderable",
    "price_down",
    "price_of",
    "price_up",
    "realised_volatility",
    "rsi",
    "session",
    "size_down",
    "size_for",
    "size_of",
    "sma",
    "stochastic",
    "value_at_risk_capped",
    "volatility_scaled",
    "volume_ratio",
    "wma",
]


def build(config: "Config", name: str) -> StrategyRole:
    """Build the role of a configured strategy; called by the runtime.

    Waits until the feed has published the instruments.
    """
    table = config.strategy(name)
    kind = load_class(config, table)
    opened = open_role(config, name)
    instruments = tuple(await_all(opened, table.instruments))
    reads = reads_of(kind)
    groups = await_groups(config, opened) if reads else ()
    strategy = _made(name, kind, instruments, checked_parameters(kind, table.parameters))
    lanes = open_strategy_lanes(opened, config.strategies.index(table), reads)
    cadence_ns = table.cadence_ms * 1_000_000
    return StrategyRole(name, table.id, strategy, lanes, groups=groups, routes=routes_of(config), cadence_ns=cadence_ns)


def _made(name: str, kind: type[Strategy], instruments: tuple[Instrument, ...], parameters: Any) -> Strategy:
    """Call the author's `__init__`."""
    try:
        return kind(instruments, parameters)
    except Exception as error:
        raise StopsAloneError(name, error) from error


def routes_of(config: "Config") -> dict[int, int]:
    """The place of each instrument's execution among the system's: that of the account at the instrument's venue."""
    names = config.execution_names
    return {one.id: names.index(config.execution_of(one.venue)) for one in config.instruments}


def await_groups(config: "Config", lanes: RoleLanes) -> "tuple[Group, ...]":
    """Every group with the aggregation's number; waits until the feed has published all instruments."""
    assert config.aggregation is not None, "load accepted a strategy that reads the aggregation without its table"
    instruments = await_all(lanes, [one.id for one in config.instruments])
    return make_groups(instruments, config.aggregation.groups)
