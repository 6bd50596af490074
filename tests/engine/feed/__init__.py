"""Tests of engine/feed."""
