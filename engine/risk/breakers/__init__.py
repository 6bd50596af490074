"""Breakers: limits that latch. Each is a class and a key of `[risk]`, and is judged only if the configuration sets it.

    registry.py    the breakers by key, their policies, and the reading of `[risk]`
    equity.py      drawdown and margin call of the account, drawdown of a strategy
    losses.py      the loss of a day, losing round trips in a row
    market.py      a fast move of a watched instrument
    latency.py     slow acknowledgements of the venue

docs/risk.md has the formula of each breaker.
"""

from engine.risk.breakers import equity, latency, losses, market
from engine.risk.breakers.registry import BREAKERS, Breaker, Guard, Seen, breaker, check_watched, read_breakers

__all__ = [
    "BREAKERS",
    "Breaker",
    "Guard",
    "Seen",
    "breaker",
    "check_watched",
    "equity",
    "latency",
    "losses",
    "market",
    "read_breakers",
]
