"""Tests of engine/feed/pace."""
