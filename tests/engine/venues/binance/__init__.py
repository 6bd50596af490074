"""Tests of engine/venues/binance."""
