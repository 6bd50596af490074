"""Books: sorted levels of exact prices and sizes, the queues of orders behind them, and nothing about any venue."""

from engine.book.book import Book
from engine.book.measures import imbalance, spread_bps
from engine.book.orders import OrderBook

__all__ = ["Book", "OrderBook", "imbalance", "spread_bps"]
