"""Strategies: they read lanes and write intents, and have no other way to an order."""

from engine.strategy.book import Book
from engine.strategy.ledger import Order
from engine.strategy.strategy import Strategy, checked_parameters

__all__ = ["Book", "Order", "Strategy", "checked_parameters"]
