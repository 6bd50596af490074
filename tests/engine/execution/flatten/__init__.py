"""Tests of engine/execution/flatten."""
