"""Frames outside the hot path, through every venue's dialect."""

import itertools
import random

import orjson
import pytest

from engine.venues.catalogue import dialect_of, interfaces
from engine.venues.dialect import Answer

KEYS = ("e", "data", "channel", "events", "type", "method", "result", "error", "code", "success", "subscriptions")
WORDS = (
    "depthUpdate", "serverShutdown", "subscriptions", "l2_data", "market_trades", "book", "trade", "subscribe",
    "level2", "error", "update", "",
)  # fmt: skip


def strange(source: random.Random, depth: int = 3) -> object:
    """Any JSON value, with the words that dialects look for in places where they do not belong."""
    kind = source.randrange(7 if depth else 5)
    if kind < 3:
        return source.choice(WORDS)
    if kind < 5:
        return source.choice((None, True, False, 0, 1.5, -1))
    if kind == 5:
        return [strange(source, depth - 1) for _ in range(source.randrange(3))]
    return {source.choice(KEYS): strange(source, depth - 1) for _ in range(source.randrange(4))}


@pytest.mark.parametrize("venue", sorted(interfaces()))
def test_no_frame_is_beyond_a_dialect(venue: str) -> None:
    """One frame of rubbish must not kill the feed of every venue."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201
    source, dialect = random.Random(seed), dialect_of(venue)
    for key, word in itertools.product(KEYS, WORDS):
        for _ in range(20):
            frame = {key: word} | {source.choice(KEYS): strange(source) for _ in range(3)}
            assert isinstance(dialect.answer(orjson.dumps(frame)), Answer)
    for _ in range(5000):
        assert isinstance(dialect.answer(orjson.dumps(strange(source))), Answer)
