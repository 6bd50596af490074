"""Books: sorted levels of exact prices and sizes, and nothing about any venue."""

from engine.book.book import Book
from engine.book.measures import imbalance, spread_bps

__all__ = ["Book", "imbalance", "spread_bps"]
