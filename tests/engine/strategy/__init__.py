"""Tests of the strategy role."""
