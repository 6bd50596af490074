"""The feed: from a venue's bytes to ticks, and to books with the state of each book."""

from engine.feed.build import build
from engine.feed.config import FeedConfig
from engine.feed.feed import Feed
from engine.feed.role import FeedRole

__all__ = ["Feed", "FeedConfig", "FeedRole", "build"]
