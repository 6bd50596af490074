"""Tests of engine/execution/restore."""
