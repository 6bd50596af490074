"""Tests of `research/simulate`."""
