"""Indicators that Python users have instead: TA-Lib and pandas over arrays, NautilusTrader by the row.

The last value of a peer is compared with ours: a peer that differs by more than a millionth (another seed, another
definition) is named instead of shown.
"""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Columns = Mapping[str, np.ndarray]
Over = Callable[[Columns], Any]
Update = Callable[..., object]
PEERS = ("talib", "pandas", "nautilus_trader")


def missing(peer: str) -> str | None:
    """Why a peer is not measured."""
    return None if importlib.util.find_spec(peer) else f"{peer} is not installed: make setup-bench"


def talib_over() -> dict[str, Over]:
    """TA-Lib's functions at our default parameters."""
    import talib

    return {
        "sma": lambda c: talib.SMA(c["price"], 20),
        "ema": lambda c: talib.EMA(c["price"], 20),
        "wma": lambda c: talib.WMA(c["price"], 20),
        "rsi": lambda c: talib.RSI(c["price"], 14),
        "macd": lambda c: talib.MACD(c["price"])[0],
        "stochastic": lambda c: talib.STOCH(c["high"], c["low"], c["close"])[0],
        "atr": lambda c: talib.ATR(c["high"], c["low"], c["close"], 14),
        "bollinger": lambda c: talib.BBANDS(c["price"], 20, 2.0, 2.0)[1],
        "obv": lambda c: talib.OBV(c["close"], c["volume"]),
    }


def pandas_over() -> dict[str, Over]:
    """What a notebook has for the same formulas."""
    import pandas as pd

    def sums(column: np.ndarray, window: int) -> Any:
        return pd.Series(column).rolling(window).sum()

    return {
        "sma": lambda c: pd.Series(c["price"]).rolling(20).mean(),
        "ema": lambda c: pd.Series(c["price"]).ewm(span=20, adjust=False).mean(),
        "bollinger": lambda c: _bands(pd.Series(c["price"]).rolling(20)),
        "obv": lambda c: (np.sign(pd.Series(c["close"]).diff()).fillna(1) * c["volume"]).cumsum(),
        "realised_volatility": lambda c: np.sqrt((np.log(pd.Series(c["price"])).diff() ** 2).rolling(20).sum()),
        "volume_ratio": lambda c: pd.Series(c["volume"]) / pd.Series(c["volume"]).rolling(20).mean(),
        "trade_flow": lambda c: sums(c["size"] * c["side"], 100),
        "spread_bps": lambda c: (
            (pd.Series(c["ask_price_1"]) - c["bid_price_1"]) * 2e4 / (c["ask_price_1"] + c["bid_price_1"])
        ),
    }


def _bands(rolling: Any) -> Any:
    """The middle, with both bands computed."""
    middle, reach = rolling.mean(), 2 * rolling.std(ddof=0)
    _ = middle + reach, middle - reach
    return middle


def nautilus_updates() -> dict[str, tuple[Update, Callable[[], float]]]:
    """NautilusTrader's indicators: `update_raw` and the value."""
    from nautilus_trader import indicators as theirs

    sma, ema, wma = (getattr(theirs, f"{name}MovingAverage") for name in ("Simple", "Exponential", "Weighted"))
    averages = {"sma": sma(20), "ema": ema(20), "wma": wma(20, np.arange(1.0, 21.0))}
    found = {name: (one.update_raw, lambda one=one: one.value) for name, one in averages.items()}
    rsi = theirs.RelativeStrengthIndex(14, theirs.MovingAverageType.WILDER)
    atr = theirs.AverageTrueRange(14, theirs.MovingAverageType.WILDER)
    bands = theirs.BollingerBands(20, 2.0)
    return found | {
        "rsi": (rsi.update_raw, lambda: rsi.value * 100),
        "atr": (atr.update_raw, lambda: atr.value),
        "bollinger": (lambda price: bands.update_raw(price, price, price), lambda: bands.middle),
    }
