"""Tests of the canceller."""
