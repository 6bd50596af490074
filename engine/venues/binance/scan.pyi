"""Binance's hot messages from bytes to int64, and its two sequence rules, compiled."""

from engine.venues.market import Market, Rule

class BinanceMarket(Market):
    """Binance's streams, raw or combined, of any product."""

class SpotRule(Rule):
    """Update ids are contiguous for a symbol."""

class FuturesRule(Rule):
    """Only `pu` names the event before."""
