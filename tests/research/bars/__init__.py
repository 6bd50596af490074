"""Tests of `research/bars`."""
