"""Tests of engine/execution/venue."""
