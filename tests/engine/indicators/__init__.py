"""Indicators: formulas, TA-Lib, drift, protocol, cache, combination."""
