"""Steelyard's engine: roles that share memory, from the venue's byte to the position."""
