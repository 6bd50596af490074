"""Tests of the comparison of a session with its replay and its simulation."""
