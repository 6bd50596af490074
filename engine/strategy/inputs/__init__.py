"""Indicators of bars that a strategy declares in its class; the engine updates them before it calls a hook."""

from engine.strategy.inputs.declaration import (
    Input,
    atr,
    bollinger,
    ema,
    inputs_declared,
    macd,
    obv,
    realised_volatility,
    rsi,
    sma,
    stochastic,
    volume_ratio,
    wma,
)
from engine.strategy.inputs.values import Inputs, begin_inputs

__all__ = [
    "Input",
    "Inputs",
    "atr",
    "begin_inputs",
    "bollinger",
    "ema",
    "inputs_declared",
    "macd",
    "obv",
    "realised_volatility",
    "rsi",
    "sma",
    "stochastic",
    "volume_ratio",
    "wma",
]
