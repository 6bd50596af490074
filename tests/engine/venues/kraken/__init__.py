"""Tests of engine/venues/kraken."""
