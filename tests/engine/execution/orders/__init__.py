"""Tests of engine/execution/orders."""
