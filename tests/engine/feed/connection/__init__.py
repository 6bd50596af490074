"""Tests of engine/feed/connection."""
