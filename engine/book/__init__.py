"""Books: sorted levels of exact prices and sizes, and nothing about any venue."""

from engine.book.book import Book

__all__ = ["Book"]
