"""Books: sorted levels of exact prices and sizes, and the queues of orders at each level; independent of venues."""

from engine.book.book import Book
from engine.book.measures import imbalance, spread_bps
from engine.book.orders import OrderBook

__all__ = ["Book", "OrderBook", "imbalance", "spread_bps"]
