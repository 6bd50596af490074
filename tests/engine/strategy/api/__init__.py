"""Tests of engine/strategy/api."""
