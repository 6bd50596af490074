"""Recorded traffic: its formats, and the check of a recording through the feed's own scanner and books."""

from engine.feed.capture.command import main

__all__ = ["main"]
