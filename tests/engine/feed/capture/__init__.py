"""Tests of engine/feed/capture."""
