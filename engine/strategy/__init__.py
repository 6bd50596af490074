"""Strategies: they read lanes and write intents, and have no other way to an order."""

from typing import TYPE_CHECKING

from engine.instruments import await_all
from engine.strategy.book import Book
from engine.strategy.lanes import open_lanes
from engine.strategy.ledger import Order
from engine.strategy.load import make_strategy
from engine.strategy.role import StrategyRole
from engine.strategy.strategy import Strategy, checked_parameters

if TYPE_CHECKING:
    from engine.config import Config

__all__ = ["Book", "Order", "Strategy", "build", "checked_parameters"]


def build(config: "Config", name: str) -> StrategyRole:
    """Make the role of a configured strategy: what the runtime calls.

    Waits until the feed has shown the instruments.
    """
    table = config.strategy(name)
    instruments = tuple(await_all(config.system.name, table.instruments))
    strategy = make_strategy(table.class_path, table.parameters, instruments)
    lanes = open_lanes(config.system.name, name, config.strategies.index(table))
    return StrategyRole(name, table.id, strategy, lanes)
