"""Sweeps: their space, their driver, their files."""
