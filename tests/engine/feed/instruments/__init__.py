"""Tests of engine/feed/instruments/instruments."""
