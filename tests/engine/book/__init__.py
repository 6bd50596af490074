"""Tests of engine/book."""
