"""Binance spot: its market data and its trading wire."""
