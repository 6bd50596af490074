"""Tests of what a notebook uses."""
