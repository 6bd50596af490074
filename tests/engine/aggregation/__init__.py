"""Tests of what is made of all venues together."""
