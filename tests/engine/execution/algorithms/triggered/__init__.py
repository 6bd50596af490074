"""Tests of the orders that wait for a price."""
