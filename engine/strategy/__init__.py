"""Strategies: they read lanes and write intents, and have no other way to an order."""

from typing import TYPE_CHECKING

from engine.instruments import await_all
from engine.model.group import make_groups
from engine.strategy.book import Book
from engine.strategy.lanes import open_lanes
from engine.strategy.ledger import Order
from engine.strategy.load import make_strategy
from engine.strategy.role import StrategyRole
from engine.strategy.strategy import Strategy, checked_parameters

if TYPE_CHECKING:
    from engine.config import Config
    from engine.model.group import Group

__all__ = ["Book", "Order", "Strategy", "build", "checked_parameters"]


def build(config: "Config", name: str) -> StrategyRole:
    """Make the role of a configured strategy: what the runtime calls.

    Waits until the feed has shown the instruments.
    """
    table = config.strategy(name)
    instruments = tuple(await_all(config.system.name, table.instruments))
    groups = await_groups(config) if table.reads else ()
    strategy = make_strategy(table.class_path, table.parameters, instruments)
    lanes = open_lanes(config.system.name, name, config.strategies.index(table), table.reads)
    return StrategyRole(name, table.id, strategy, lanes, reads=table.reads, groups=groups)


def await_groups(config: "Config") -> "tuple[Group, ...]":
    """Every group, as the aggregation numbers them: from all instruments, which the feed must have shown."""
    assert config.aggregation is not None, "the configuration was not checked"
    instruments = await_all(config.system.name, [one.id for one in config.instruments])
    return make_groups(instruments, config.aggregation.groups)
