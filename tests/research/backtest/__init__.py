"""Tests of `research/backtest`."""
