"""Tests of engine/strategy/role/role."""
