"""Tests of engine/feed/replay."""
