"""Tests of engine/feed/books."""
