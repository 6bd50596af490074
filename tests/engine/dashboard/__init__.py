"""Tests of engine/dashboard."""
