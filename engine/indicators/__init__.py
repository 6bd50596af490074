"""Indicators: one definition each, for a stream of rows and for whole arrays (docs/indicators.md)."""

from engine.indicators.averages import Ema, Sma, Wma
from engine.indicators.books import Imbalance, Microprice, OrderFlowImbalance, SpreadBps
from engine.indicators.definition import Definition, Kind, Missing, Parameter
from engine.indicators.indicator import Indicator
from engine.indicators.momentum import Macd, Rsi, Stochastic
from engine.indicators.volatility import Atr, Bollinger, RealisedVolatility
from engine.indicators.volume import Obv, TradeFlow, VolumeRatio, Vwap

__all__ = [
    "Atr",
    "Bollinger",
    "Definition",
    "Ema",
    "Imbalance",
    "Indicator",
    "Kind",
    "Macd",
    "Microprice",
    "Missing",
    "Obv",
    "OrderFlowImbalance",
    "Parameter",
    "RealisedVolatility",
    "Rsi",
    "Sma",
    "SpreadBps",
    "Stochastic",
    "TradeFlow",
    "VolumeRatio",
    "Vwap",
    "Wma",
]
