"""Tests of engine/feed/replay/replay."""
