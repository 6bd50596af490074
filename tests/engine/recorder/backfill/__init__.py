"""Tests of engine/recorder/backfill."""
