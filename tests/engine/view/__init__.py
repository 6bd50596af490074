"""Tests of the terminal's screens."""
