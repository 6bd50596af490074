"""Tests of engine/venues/coinbase."""
