"""Tests of engine/execution/algorithms."""
