"""Random histories for an indicator, by the meaning of its columns."""

from math import inf, nan
from random import Random

DAY_NS = 86_400 * 10**9
BAD = (nan, nan, inf, -inf, 1e200)


def history(columns: tuple[str, ...], random: Random, rows: int, missing: float = 0.05) -> list[tuple[float, ...]]:
    """Rows of a market that moves, rests, jumps, has bars without volume, and rows in which a number is missing."""
    scale = 10.0 ** random.randint(-6, 5)
    calm = random.choice((0.0, 0.3, 0.95))
    price, time_ns, found = scale * random.uniform(1, 9), random.randrange(60 * DAY_NS) + 20_000 * DAY_NS, []
    for _ in range(rows):
        if random.random() >= calm:
            price = max(price * random.choice((1, 1, 1, 1.5, 0.6)) + scale * random.gauss(0, 0.01), scale * 1e-3)
        time_ns += random.choice((0, 10**9, DAY_NS // 7))
        row = _row(columns, price, time_ns, random)
        if random.random() < missing:
            row[random.randrange(len(row))] = random.choice(BAD)
        found.append(tuple(row))
    return found


def _row(columns: tuple[str, ...], price: float, time_ns: int, random: Random) -> list[float]:
    """One row around a price."""
    low, high = price * (1 - abs(random.gauss(0, 1e-3))), price * (1 + abs(random.gauss(0, 1e-3)))
    if random.random() < 0.2:
        low = high = price
    fixed = {
        "price": price, "close": random.choice((price, low, high)), "high": high, "low": low, "time_ns": time_ns,
        "side": random.choice((-1, 1)), "bid_price_1": low, "ask_price_1": high,
    }  # fmt: skip
    size = lambda: random.choice((0.0, random.expovariate(1), 10.0 ** random.randint(-8, 8)))  # noqa: E731 - drawn anew
    return [fixed[name] if name in fixed else size() for name in columns]
