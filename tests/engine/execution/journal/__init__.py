"""Tests of engine/execution/journal/journal."""
