"""Tests of `engine/strategy/inputs`."""
