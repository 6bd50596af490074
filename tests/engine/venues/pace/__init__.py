"""Tests of engine/venues/pace."""
