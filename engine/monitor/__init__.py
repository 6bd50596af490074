"""Figures of a running system, read from its lanes without any effect on it."""
