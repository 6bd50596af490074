"""The formulas of docs/indicators.md once more, as plainly as they are written: exact sums, no state, no speed.

Each function has the rows of one history without a missing number and returns the rows of outputs, NaN before the
first. Averages that follow their own last value are computed in the processor's long double.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import fsum, isnan, log, nan, sqrt

import numpy as np

Row = Sequence[float]
Rows = list[Row]
Outputs = list[tuple[float, ...]]
Numbers = dict[str, float]


def windows(values: Sequence[float], length: int) -> list[Sequence[float] | None]:
    """The last `length` values at each place, None while there are fewer."""
    return [values[i + 1 - length : i + 1] if i + 1 >= length else None for i in range(len(values))]


def mean(values: Sequence[float]) -> float:
    """The exact mean, rounded once."""
    return float(sum(map(Fraction, values)) / len(values))


def means(values: Sequence[float], length: int) -> list[float]:
    """Moving means."""
    return [nan if one is None else mean(one) for one in windows(values, length)]


def follow(values: Sequence[float], length: int, factor: float) -> list[float]:
    """An exponential average, seeded by a mean."""
    found = [nan] * min(len(values), length - 1)
    if len(values) >= length:
        average = np.longdouble(mean(values[:length]))
        found.append(float(average))
        for value in values[length:]:
            average += np.longdouble(factor) * (np.longdouble(value) - average)
            found.append(float(average))
    return found


def sma(rows: Rows, p: Numbers) -> Outputs:
    """Mean of the window."""
    return [(one,) for one in means([row[0] for row in rows], p["window"])]


def ema(rows: Rows, p: Numbers) -> Outputs:
    """Exponential average."""
    return [(one,) for one in follow([row[0] for row in rows], p["window"], 2 / (p["window"] + 1))]


def wma(rows: Rows, p: Numbers) -> Outputs:
    """Weights 1 … window."""
    whole = p["window"] * (p["window"] + 1) // 2
    found = windows([row[0] for row in rows], p["window"])
    weigh = lambda one: float(sum(Fraction(x) * (i + 1) for i, x in enumerate(one)) / whole)  # noqa: E731 - a sentence
    return [(nan if one is None else weigh(one),) for one in found]


def rsi(rows: Rows, p: Numbers) -> Outputs:
    """Rises in percent of moves."""
    moves = [now[0] - last[0] for last, now in pairwise(rows)]
    up, down = (follow([max(sign * m, 0) for m in moves], p["window"], 1 / p["window"]) for sign in (1, -1))
    return [(nan,), *((100 * u / (u + d) if u + d else 0 * u,) for u, d in zip(up, down, strict=True))]


def macd(rows: Rows, p: Numbers) -> Outputs:
    """Distance of two averages, its average, their distance."""
    prices = [row[0] for row in rows]
    skip = p["slow"] - p["fast"]
    fast = [nan] * skip + follow(prices[skip:], p["fast"], 2 / (p["fast"] + 1))
    slow = follow(prices, p["slow"], 2 / (p["slow"] + 1))
    lines = [f - s for f, s in zip(fast, slow, strict=False)]
    start = p["slow"] - 1
    signal = [nan] * start + follow(lines[start:], p["signal"], 2 / (p["signal"] + 1))
    return [(one, two, one - two) if not isnan(two) else (nan,) * 3 for one, two in zip(lines, signal, strict=False)]


def stochastic(rows: Rows, p: Numbers) -> Outputs:
    """The close's place in the range, averaged twice."""
    raw = []
    for one in windows(rows, p["window"]):
        if one is not None:
            top, bottom, close = max(r[0] for r in one), min(r[1] for r in one), one[-1][2]
            raw.append(100 * (close - bottom) / (top - bottom) if top != bottom else 0.0)
    k = means(raw, p["k"])
    d = [nan] * (p["k"] - 1) + means(k[p["k"] - 1 :], p["d"])
    pairs = [(x, y) if not isnan(y) else (nan, nan) for x, y in zip(k, d, strict=False)]
    return [(nan, nan)] * (len(rows) - len(pairs)) + pairs


def atr(rows: Rows, p: Numbers) -> Outputs:
    """Average true range."""
    spans = [max(high, last[2]) - min(low, last[2]) for last, (high, low, _) in pairwise(rows)]
    return [(nan,), *((one,) for one in follow(spans, p["window"], 1 / p["window"]))]


def bollinger(rows: Rows, p: Numbers) -> Outputs:
    """Bands and the place between them."""
    found: Outputs = []
    for one in windows([row[0] for row in rows], p["window"]):
        if one is None:
            found.append((nan,) * 4)
            continue
        exact = [Fraction(x) for x in one]
        middle = sum(exact) / len(exact)
        reach = p["deviations"] * sqrt(sum((x - middle) ** 2 for x in exact) / len(exact))
        place = 0.5 + float(exact[-1] - middle) / (2 * reach) if reach else nan
        found.append((float(middle), float(middle) + reach, float(middle) - reach, place))
    return found


def realised_volatility(rows: Rows, p: Numbers) -> Outputs:
    """Root of the squared log returns."""
    squares = [log(now[0] / last[0]) ** 2 for last, now in pairwise(rows)]
    return [(nan,), *((nan if one is None else sqrt(fsum(one)),) for one in windows(squares, p["window"]))]


def obv(rows: Rows, _: Numbers) -> Outputs:
    """Volume with the sign of the move."""
    signed = [rows[0][1], *(v * ((c > last[0]) - (c < last[0])) for last, (c, v) in pairwise(rows))]
    return [(fsum(signed[: i + 1]),) for i in range(len(signed))]


def vwap(rows: Rows, p: Numbers) -> Outputs:
    """Value over volume since the last begin of a session."""
    found: Outputs = []
    length, offset = int(p["session_s"]) * 10**9, int(p["offset_s"]) * 10**9
    number = None
    value = volume = Fraction(0)
    for price, size, time_ns in rows:
        session = (int(time_ns) - offset) // length
        if number is None or session > number:
            number, value, volume = session, Fraction(0), Fraction(0)
        if session == number:
            value, volume = value + Fraction(price) * Fraction(size), volume + Fraction(size)
        found.append((float(value / volume) if volume else nan,))
    return found


def volume_ratio(rows: Rows, p: Numbers) -> Outputs:
    """Volume over its mean."""
    volumes = [row[0] for row in rows]
    return [(v / m if m else nan,) for v, m in zip(volumes, means(volumes, p["window"]), strict=True)]


def trade_flow(rows: Rows, p: Numbers) -> Outputs:
    """Net size, and its share of all size."""
    found: Outputs = []
    for one in windows(rows, p["window"]):
        net, total = (fsum(s * side for s, side in one), fsum(s for s, _ in one)) if one is not None else (nan, nan)
        found.append((net, net / total if total else nan))
    return found


def imbalance(rows: Rows, p: Numbers) -> Outputs:
    """Heavier side; a level that is missing has no size."""
    found: Outputs = []
    for row in rows:
        sizes = [one if abs(one) <= 1e100 else 0.0 for one in row]
        bid, ask = fsum(sizes[: int(p["levels"])]), fsum(sizes[int(p["levels"]) :])
        found.append(((bid - ask) / (bid + ask) if bid and ask else nan,))
    return found


def spread_bps(rows: Rows, _: Numbers) -> Outputs:
    """Distance over the middle."""
    return [((ask - bid) / ((ask + bid) / 2) * 10_000 if bid > 0 and ask > 0 else nan,) for bid, ask in rows]


def microprice(rows: Rows, _: Numbers) -> Outputs:
    """Each price weighted by the other side's size."""
    return [((bid * q + ask * s) / (s + q) if s > 0 and q > 0 else nan,) for bid, s, ask, q in rows]


def ofi(rows: Rows, p: Numbers) -> Outputs:
    """Contributions of the changes in the window."""
    flows = [
        (b >= pb) * bs - (b <= pb) * pbs - (a <= pa) * az + (a >= pa) * paz
        for (pb, pbs, pa, paz), (b, bs, a, az) in pairwise(rows)
    ]
    return [(nan,), *((nan if one is None else fsum(one),) for one in windows(flows, p["window"]))]


FORMULAS: dict[str, Callable[[Rows, Numbers], Outputs]] = {
    one.__name__: one
    for one in (
        sma, ema, wma, rsi, macd, stochastic, atr, bollinger, realised_volatility, obv, vwap, volume_ratio, trade_flow,
        imbalance, spread_bps, microprice, ofi,
    )
}  # fmt: skip
